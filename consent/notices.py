"""The notice: the exact words a decision was made on, stored once per distinct text."""

from datetime import datetime
from hashlib import sha256

from django.template.loader import render_to_string

from consent import catalogue
from consent.models import NoticeVersion
from consent.purposes import INTRODUCTION


def notice_text() -> str:
    """The notice that banner and preference page show now, as plain text."""
    purposes = catalogue.current().purposes
    return render_to_string(
        "consent/notice.txt", {"introduction": INTRODUCTION, "purposes": purposes}
    )


def notice_hash(text: str, locale: str) -> str:
    return sha256(f"{locale}\n{text}".encode()).hexdigest()


def notice_current(*, locale: str, now: datetime) -> NoticeVersion:
    """The stored version of the current notice, stored now if nobody decided on it before."""
    text = notice_text()
    notice, _ = NoticeVersion.objects.get_or_create(
        sha256=notice_hash(text, locale),
        defaults={
            "text": text,
            "locale": locale,
            "versions": dict(catalogue.current().versions),
            "created_at": now,
        },
    )
    return notice
