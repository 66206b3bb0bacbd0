"""What an ID token says, once it is known to be the provider's, for us, and for this sign-in."""

import hmac
from typing import Any

import jwt

#: Signatures by a key pair only: with a shared secret, or none, anybody could have made the token.
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
#: Seconds that the provider's clock may differ from ours.
LEEWAY = 60


class TokenRefused(Exception):
    """An ID token that proves nothing; the sentence is for logs and the audit trail."""

    code = "token_refused"


def identity(
    token: Any, *, keys: Any, issuer: str, client_id: str, nonce: str | None
) -> dict[str, Any]:
    """The claims of an ID token (OpenID Connect Core 1.0, §3.1.3.7). Raises TokenRefused.

    `keys` is the provider's JSON Web Key Set, `nonce` what this browser's sign-in was begun with.
    """
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key=_key(token, keys),
            algorithms=list(ALGORITHMS),
            issuer=issuer,
            audience=client_id,
            leeway=LEEWAY,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except (jwt.PyJWTError, TypeError, ValueError, KeyError, AttributeError) as invalid:
        raise TokenRefused(f"The ID token is not valid: {invalid}") from invalid
    given = claims.get("nonce")
    if not nonce or not isinstance(given, str) or not hmac.compare_digest(given, nonce):
        raise TokenRefused("The ID token is of another sign-in.")
    if (
        isinstance(claims["aud"], list)
        and len(claims["aud"]) > 1
        and claims.get("azp") != client_id
    ):
        raise TokenRefused("The ID token is for somebody else too.")
    return claims


def _key(token: Any, keys: Any) -> jwt.PyJWK:
    """The one that the token names; the only one where it names none."""
    known = [
        key for key in jwt.PyJWKSet.from_dict(keys).keys if key.public_key_use in (None, "sig")
    ]
    named = jwt.get_unverified_header(token).get("kid")
    fitting = [key for key in known if named is None or key.key_id == named]
    if len(fitting) != 1:
        raise TokenRefused(f"The provider has {len(fitting)} keys for this ID token.")
    return fitting[0]
