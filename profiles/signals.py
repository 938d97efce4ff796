"""What `profiles` tells the apps to its right.

`profiles_rebuilt(sender)` is sent after all profiles were made anew, when declared features may
have become live. It only nudges: `selectors.features_live` says which are.
"""

from django.dispatch import Signal

profiles_rebuilt = Signal()
