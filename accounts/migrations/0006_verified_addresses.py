"""The addresses of the people who are there already count as verified.

From now on an address may have to be verified before it lets anybody in (FLUX_EMAIL_VERIFICATION).
Until now nobody could verify one at all, so that everyone would be locked out by the update; they
were let in by an operator, the set-up link or an open sign-up that asked for no proof.
"""

from django.apps import apps as installed
from django.db import migrations

#: A worker does without allauth; it applies no migrations.
ALLAUTH = installed.is_installed('allauth.account')


def verify(apps, schema_editor):
    if not ALLAUTH:
        return
    User = apps.get_model('accounts', 'User')
    EmailAddress = apps.get_model('account', 'EmailAddress')
    taken = {
        email.lower(): user
        for email, user in EmailAddress.objects.filter(verified=True).values_list('email', 'user_id')
    }
    for pk, email in User.objects.values_list('pk', 'email').iterator():
        if taken.get(email.lower(), pk) != pk:
            continue  # Somebody else has proven that it is theirs.
        own = EmailAddress.objects.filter(user_id=pk)
        own.filter(primary=True).exclude(email__iexact=email).update(primary=False)
        address = own.filter(email__iexact=email).first() or EmailAddress(user_id=pk, email=email)
        address.verified = address.primary = True
        address.save()


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_keys_vault_audit'),
        *([('account', '0009_emailaddress_unique_primary_email')] if ALLAUTH else []),
    ]

    operations = [
        migrations.RunPython(verify, migrations.RunPython.noop, elidable=True),
    ]
