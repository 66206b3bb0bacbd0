"""Settings of accounts: who may sign up, how people sign in, and what proves who they are."""

from accounts.authentication.providers import configured, providers_of
from fluxprompt.environment import env

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_SIGNUP_FORM_CLASS = "accounts.authentication.signup_fields.SignupFields"
ACCOUNT_FORMS = {
    "signup": "accounts.authentication.forms.SignupForm",
    "add_email": "accounts.authentication.forms.AddEmailForm",
    "reset_password": "accounts.authentication.forms.ResetPasswordForm",
}
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
# What decides who gets in is changed by who gave the password, or a factor, minutes ago.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
#: Who may sign up: open | invitation | closed. Ask accounts.authentication.signing_up.
FLUX_SIGNUP = env.str("FLUX_SIGNUP", default="invitation")
ACCOUNT_ADAPTER = "accounts.authentication.adapter.AccountAdapter"
MFA_ADAPTER = "accounts.authentication.second_factors.EncryptedFactors"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "FluxPrompt"
# The code of the half minute before or after counts too: clocks differ (RFC 6238, section 5.2).
MFA_TOTP_TOLERANCE = 1
MFA_FORMS = {
    "add_webauthn": "accounts.authentication.passkey_forms.AddForm",
    "authenticate_webauthn": "accounts.authentication.passkey_forms.SecondStepForm",
    "login_webauthn": "accounts.authentication.passkey_forms.SignInForm",
    "reauthenticate_webauthn": "accounts.authentication.passkey_forms.AgainForm",
}
#: Sign-in with Google, GitHub or any OpenID Connect provider, where its id and secret are set.
FLUX_PROVIDERS = providers_of(env.str)
SOCIALACCOUNT_PROVIDERS = configured(FLUX_PROVIDERS)
SOCIALACCOUNT_ADAPTER = "accounts.authentication.social_adapter.SocialAdapter"
SOCIALACCOUNT_FORMS = {"signup": "accounts.authentication.forms.ProviderSignupForm"}
SOCIALACCOUNT_STORE_TOKENS = False
# An address that the provider has verified, and no other (accounts/oidc), joins the account
# that has verified it too (accounts.authentication.claims).
SOCIALACCOUNT_EMAIL_AUTHENTICATION = SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True

#: Whether mail reaches people: without a server it goes to the log, which is for developers only.
FLUX_MAIL_REACHES_PEOPLE = env.bool("FLUX_DEBUG", default=False) or bool(
    env.str("EMAIL_URL", default="")
)
#: Whether an address has to be verified before it lets anybody in: none | optional | mandatory.
FLUX_EMAIL_VERIFICATION = env.str(
    "FLUX_EMAIL_VERIFICATION", default="mandatory" if FLUX_MAIL_REACHES_PEOPLE else "none"
)
# A word that is none of these is told by the checks, which have to get that far.
ACCOUNT_EMAIL_VERIFICATION = (
    FLUX_EMAIL_VERIFICATION if FLUX_EMAIL_VERIFICATION in ("none", "optional") else "mandatory"
)
ACCOUNT_EMAIL_SUBJECT_PREFIX = "FluxPrompt: "
#: Addresses that one person may have.
ACCOUNT_MAX_EMAIL_ADDRESSES = 5
# Who did not change how they sign in learns of it.
ACCOUNT_EMAIL_NOTIFICATIONS = FLUX_MAIL_REACHES_PEOPLE
# Else nobody could have two factors where addresses are never verified.
MFA_ALLOW_UNVERIFIED_EMAIL = FLUX_EMAIL_VERIFICATION == "none"
