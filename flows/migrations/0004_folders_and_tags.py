import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

import accounts.ids

# Drafts that nobody touched since they were published are at the revision that was published.
# Publishing writes version and flow in one transaction, some milliseconds apart.
_UNTOUCHED = """
UPDATE flows_flow AS f SET published_revision = f.revision
FROM flows_flowversion AS v
WHERE v.id = f.published_id AND f.updated_at < v.created_at + interval '1 second'
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_limits"), ("flows", "0003_draft_changes")]

    operations = [
        migrations.CreateModel(
            name="Folder",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="children",
                        to="flows.folder",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="folders",
                        to="accounts.workspace",
                    ),
                ),
            ],
            options={
                "constraints": (
                    models.UniqueConstraint(
                        models.F("workspace"),
                        models.F("parent"),
                        django.db.models.functions.text.Lower("name"),
                        name="folder_name_once",
                        nulls_distinct=False,
                    ),
                ),
            },
        ),
        migrations.CreateModel(
            name="Tag",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                (
                    "colour",
                    models.CharField(
                        choices=[
                            ("gray", "Gray"),
                            ("amber", "Amber"),
                            ("violet", "Violet"),
                            ("teal", "Teal"),
                            ("blue", "Blue"),
                            ("pink", "Pink"),
                            ("cyan", "Cyan"),
                            ("green", "Green"),
                        ],
                        default="gray",
                        max_length=8,
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tags",
                        to="accounts.workspace",
                    ),
                ),
            ],
            options={
                "ordering": ("name",),
                "constraints": (
                    models.UniqueConstraint(
                        models.F("workspace"),
                        django.db.models.functions.text.Lower("name"),
                        name="tag_name_once",
                    ),
                ),
            },
        ),
        migrations.AddField(
            model_name="flow",
            name="folder",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="flows",
                to="flows.folder",
            ),
        ),
        migrations.AddField(
            model_name="flow",
            name="published_revision",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="The draft's revision when it was published last.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="flow",
            name="tags",
            field=models.ManyToManyField(blank=True, related_name="flows", to="flows.tag"),
        ),
        migrations.RunSQL(_UNTOUCHED, migrations.RunSQL.noop),
    ]
