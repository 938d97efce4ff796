"""What profiles are to hold: definitions, declared features, and the rebuild that follows."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime

from celery import current_app
from django.conf import settings
from django.db import transaction

from profiles import selectors
from profiles.definition import Definition
from profiles.features.checks import feature_document, features_check
from profiles.features.definition import Feature
from profiles.models import DeclaredFeature, FoldCursor, Rebuild, RebuildShard
from profiles.models import Definition as DefinitionRow
from tracking import selectors as tracking_selectors

#: Seconds after which a nudge that found no worker is dropped: the schedule asks again, and what it
#: asks must not pile up behind a shard that takes an hour.
NUDGE_SECONDS = 60


def rebuild_start(*, reason: str) -> Rebuild:
    """Have all profiles made anew in the background, by the latest definition.

    An unfinished rebuild by the same definition goes on, and is returned; one by an older
    definition ends, its place taken by this one.
    """
    definition = selectors.definition_latest()
    with transaction.atomic():
        running = Rebuild.objects.select_for_update().filter(finished_at=None).first()
        if running is not None and running.definition == definition.version:
            transaction.on_commit(rebuild_nudge)
            return running
        if running is not None:
            running.finished_at = datetime.now(UTC)
            running.save(update_fields=["finished_at"])
        rebuild = Rebuild.objects.create(reason=reason, definition=definition.version)
        RebuildShard.objects.bulk_create(
            RebuildShard(rebuild=rebuild, shard=shard) for shard in range(settings.SHARDS)
        )
        transaction.on_commit(rebuild_nudge)
    return rebuild


def rebuild_nudge() -> None:
    """Ask workers for every shard that is not done. One that is being worked is left alone."""
    unfinished = RebuildShard.objects.filter(rebuild__finished_at=None, finished_at=None)
    for shard in unfinished.values_list("shard", flat=True):
        current_app.send_task("profiles.tasks.shard_rebuild_task", (shard,), expires=NUDGE_SECONDS)


def definition_set(
    *,
    reason: str,
    half_lives: dict[str, tuple[float, float]] | None = None,
    features: Collection[Feature] | None = None,
) -> bool:
    """Have profiles hold something else from now on; returns whether that is a change.

    New profiles follow at once, the others as the rebuild comes to them. What is not given stays.
    """
    with transaction.atomic():
        # One change at a time: the next version is the last one plus one.
        list(FoldCursor.objects.select_for_update().order_by("shard").values_list("shard"))
        latest = selectors.definition_latest()
        wanted = Definition(
            latest.version,
            latest.half_lives if half_lives is None else half_lives,
            latest.features if features is None else tuple(features),
        )
        if wanted == latest:
            return False
        DefinitionRow.objects.create(
            version=latest.version + 1,
            half_lives=wanted.half_lives,
            features=[feature_document(feature) for feature in wanted.features],
        )
        rebuild_start(reason=reason)
    return True


def features_declare(needs: Mapping[str, Iterable[Feature]], *, reason: str) -> bool:
    """Have profiles keep what each of these needs, instead of what they needed before.

    Nothing for who needs nothing any more; what nobody needs is kept no longer. Returns whether
    profiles have to be made anew, once for all of them: `selectors.features_live` says when that
    is done. Raises FeatureError for a feature that cannot be kept, and when they would be too many.
    """
    wanted = {who: {feature.key: feature for feature in each} for who, each in needs.items()}
    cumulative = tracking_selectors.cumulative_types()
    features_check([f for each in wanted.values() for f in each.values()], cumulative=cumulative)
    with transaction.atomic():
        list(FoldCursor.objects.select_for_update().order_by("shard").values_list("shard"))
        for needed_by, features in wanted.items():
            _need_replace(needed_by, features)
        declared = selectors.features_declared()
        features_check(declared.values(), cumulative=cumulative)
        kept = sorted(declared.values(), key=lambda feature: feature.key)
        return definition_set(reason=reason[:200], features=kept)


def _need_replace(needed_by: str, features: Mapping[str, Feature]) -> None:
    DeclaredFeature.objects.filter(needed_by=needed_by).exclude(key__in=features).delete()
    DeclaredFeature.objects.bulk_create(
        [
            DeclaredFeature(needed_by=needed_by, key=key, document=feature_document(feature))
            for key, feature in features.items()
        ],
        ignore_conflicts=True,
    )
