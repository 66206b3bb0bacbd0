"""Sign-in by OpenID Connect, stricter than allauth's: nonce, signature and subject are checked."""
