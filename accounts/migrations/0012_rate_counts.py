"""One table counts calls of keys and tries at doors; it keeps its name, so nothing is moved."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0011_support"),
    ]

    operations = [
        migrations.AlterModelTable(name="keyrate", table="accounts_keyrate"),
        migrations.RenameModel("KeyRate", "RateCount"),
        migrations.AlterModelOptions(name="ratecount", options={}),
        migrations.AlterField(
            model_name="ratecount",
            name="began_at",
            field=models.DateTimeField(
                help_text="When the stretch began: with the first time."
            ),
        ),
        migrations.AlterField(
            model_name="ratecount",
            name="used",
            field=models.PositiveIntegerField(
                help_text="Times in it, refused ones too."
            ),
        ),
    ]
