"""Where visitors come from: the hosts of search engines, social networks and mail services.

Maintained by hand; a host stands for its subdomains too. What is not here is a referral.
"""

import re
from collections.abc import Mapping

HOSTS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "bing.com", "duckduckgo.com", "ecosia.org", "qwant.com", "startpage.com",
            "search.brave.com", "baidu.com", "sogou.com", "so.com", "search.yahoo.com",
            "search.naver.com", "search.daum.net", "seznam.cz", "search.aol.com", "ask.com",
            "kagi.com", "mojeek.com", "swisscows.com", "metager.org", "presearch.com",
            "search.marginalia.nu", "ya.ru", "go.mail.ru", "dogpile.com", "lens.google.com",
        ),
        "search",
    ),
    **dict.fromkeys(
        (
            "facebook.com", "fb.com", "fb.me", "instagram.com", "threads.net", "threads.com",
            "t.co", "twitter.com", "x.com", "linkedin.com", "lnkd.in", "youtube.com", "youtu.be",
            "pinterest.com", "pinterest.de", "pinterest.fr", "pinterest.co.uk", "pin.it",
            "reddit.com", "tiktok.com", "snapchat.com", "tumblr.com", "xing.com", "vk.com",
            "ok.ru", "weibo.com", "weibo.cn", "t.me", "telegram.org", "web.telegram.org",
            "whatsapp.com", "wa.me", "discord.com", "mastodon.social", "bsky.app", "quora.com",
            "news.ycombinator.com", "twitch.tv", "nextdoor.com", "line.me", "zhihu.com",
            "douyin.com", "xiaohongshu.com", "messenger.com",
        ),
        "social",
    ),
    **dict.fromkeys(
        (
            "mail.google.com", "outlook.live.com", "outlook.office.com", "outlook.office365.com",
            "mail.yahoo.com", "mail.aol.com", "mail.proton.me", "app.fastmail.com", "e.mail.ru",
            "mail.yandex.ru", "mail.yandex.com", "deref-gmx.net", "deref-web.de",
            "deref-mail.com", "mail.zoho.com", "app.hey.com",
        ),
        "email",
    ),
}  # fmt: skip

#: Search engines with a host in each country: `www.google.co.uk`, `yandex.com.tr`.
SEARCH_NAMES = frozenset({"google", "yandex"})
COUNTRY_HOST = re.compile(r"(?:www\.|m\.)?(?P<name>[a-z]+)\.(?:com?\.)?[a-z]{2,3}")
