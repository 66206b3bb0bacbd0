from django.db import migrations


def make_group(apps, schema_editor):
    # What it may do is computed (accounts.operators.support): new tables are in it without a migration.
    apps.get_model("auth", "Group").objects.get_or_create(name="Support")


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0010_audit_forgets"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.RunPython(make_group, migrations.RunPython.noop),
    ]
