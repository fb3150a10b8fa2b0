"""The hash of the helpdesk's passwords."""

from django.contrib.auth.hashers import ScryptPasswordHasher


class OneLaneScryptPasswordHasher(ScryptPasswordHasher):
    """Scrypt at its usual cost, but once: Basic authentication pays it on every request."""

    parallelism = 1
