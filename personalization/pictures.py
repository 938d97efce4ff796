"""The pictures there are: files under static/demo/, as the site's templates name them."""

from functools import lru_cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils.safestring import SafeString

from personalization.rich_text import rich_clean

FOLDER = "demo"
SUFFIXES = frozenset({".svg", ".png", ".jpg", ".jpeg", ".webp"})


def picture_address(image: str) -> str:
    """The address of a picture as content names it; "" for none, and for one that is not there."""
    try:
        return static(f"{FOLDER}/{image}") if image else ""
    except ValueError:
        return ""


def picture_list() -> list[str]:
    """Every picture by its path below static/demo/, in order of name."""
    folders = [Path(found) for found in finders.find(FOLDER, find_all=True)]
    return sorted(
        {
            path.relative_to(folder).as_posix()
            for folder in folders
            for path in folder.rglob("*")
            if path.suffix.lower() in SUFFIXES and path.is_file()
        }
    )


@lru_cache(maxsize=512)
def rich_show(html: str) -> SafeString:
    """A variant's HTML for a page: cleaned once more, whatever wrote it, its pictures found."""
    # Safe: nh3 lets nothing through but what personalization.rich_text lists.
    return SafeString(rich_clean(html, picture_address))
