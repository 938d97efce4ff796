"""What to do about each reason that can stand in quarantine: for the admin, and docs/errors.md."""

from tracking.pipeline.wire import Refusal

REMEDIES = {
    Refusal.INVALID_EVENT: (
        "detail names the field by its path and says what to send, as in at is text: send a "
        "number. Mend the sender; if the event is right and its type's properties were not, mend "
        "those, then choose Try again in quarantine."
    ),
    Refusal.UNKNOWN_EVENT_TYPE: (
        "Use one of the standard types, or add the type and choose Try again in quarantine. Of an "
        "import: translate the name in its mapping (admin: Imports), then try again."
    ),
    Refusal.UNPROCESSABLE: (
        "The error is in the worker's log and beside the event in quarantine: mend what it names, "
        "then choose Try again there."
    ),
    Refusal.MALFORMED_LINE: (
        "Mend the mapping (admin: Imports), then choose Try again in quarantine; or mend the file "
        "and import again: what is stored already is not stored twice."
    ),
    Refusal.FUTURE_TIMESTAMP: (
        "Send sent_at; mend the clock. Of an import: mend the time's format or zone in its mapping "
        "(admin: Imports), then choose Try again in quarantine."
    ),
    Refusal.TOO_OLD: (
        "Late events are dropped on purpose; an old log is imported instead. Of an import: mend "
        "the time's format in its mapping (admin: Imports), then choose Try again in quarantine."
    ),
    Refusal.PERSONAL_DATA: ("Send ids. detail names the field; events.md says what is looked for."),
    Refusal.DUPLICATE: "Nothing: retries are expected.",
    Refusal.TOO_MANY_REPORTS: (
        "Mend the sender: report a value every few seconds, and begin a new id with each page view."
    ),
    Refusal.CONSENT_WITHDRAWN: "Nothing: a withdrawal wins.",
}
