"""The pictures there are: files under static/demo/, as the site's templates name them."""

from pathlib import Path

from django.contrib.staticfiles import finders
from django.templatetags.static import static

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
