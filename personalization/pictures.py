"""The pictures there are: files under static/demo/, as the site's templates name them."""

from pathlib import Path

from django.contrib.staticfiles import finders

FOLDER = "demo"
SUFFIXES = frozenset({".svg", ".png", ".jpg", ".jpeg", ".webp"})


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
