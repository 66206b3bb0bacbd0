"""Collections, documents, indexes and chunks; needs pgvector."""

import accounts.ids
import django.contrib.postgres.search
import django.core.validators
import django.db.models.deletion
import execution.knowledge.models
from django.conf import settings
from django.db import migrations, models

from execution.knowledge.pgvector import ensure_vectors

# What is compared stays in the row: a small collection is read chunk by chunk, and each would be a
# second read elsewhere. What is too long for a page still goes there.
IN_THE_ROW = """
ALTER TABLE knowledge_chunk
  ALTER COLUMN embedding SET STORAGE MAIN, ALTER COLUMN words SET STORAGE MAIN
"""


def vectors(apps, schema_editor):
    ensure_vectors(schema_editor.connection)


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0003_limits'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(vectors, migrations.RunPython.noop),
        migrations.CreateModel(
            name='Collection',
            fields=[
                ('model', models.CharField(help_text='provider/name', max_length=200)),
                ('chunk_size', models.PositiveIntegerField(default=1000, help_text='Characters of a chunk at most.', validators=[django.core.validators.MinValueValidator(100), django.core.validators.MaxValueValidator(8000)])),
                ('chunk_overlap', models.PositiveIntegerField(default=150, help_text='Characters that neighbours share at most.')),
                ('language', models.CharField(choices=[('simple', 'None (words as they are)'), ('arabic', 'Arabic'), ('danish', 'Danish'), ('dutch', 'Dutch'), ('english', 'English'), ('finnish', 'Finnish'), ('french', 'French'), ('german', 'German'), ('greek', 'Greek'), ('hindi', 'Hindi'), ('hungarian', 'Hungarian'), ('indonesian', 'Indonesian'), ('irish', 'Irish'), ('italian', 'Italian'), ('lithuanian', 'Lithuanian'), ('nepali', 'Nepali'), ('norwegian', 'Norwegian'), ('portuguese', 'Portuguese'), ('romanian', 'Romanian'), ('russian', 'Russian'), ('serbian', 'Serbian'), ('spanish', 'Spanish'), ('swedish', 'Swedish'), ('tamil', 'Tamil'), ('turkish', 'Turkish'), ('yiddish', 'Yiddish')], default='english', help_text='Of the words.', max_length=20)),
                ('id', models.UUIDField(default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('slug', models.SlugField(max_length=80)),
                ('name', models.CharField(max_length=200)),
                ('description', models.TextField(blank=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='Document',
            fields=[
                ('id', models.UUIDField(default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=300)),
                ('source', models.CharField(blank=True, help_text='Address or label.', max_length=2000)),
                ('media_type', models.CharField(max_length=100)),
                ('text', models.TextField()),
                ('characters', models.PositiveIntegerField()),
                ('digest', models.CharField(help_text='SHA-256 of the text.', max_length=64)),
                ('metadata', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('collection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='documents', to='knowledge.collection')),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='SearchIndex',
            fields=[
                ('model', models.CharField(help_text='provider/name', max_length=200)),
                ('chunk_size', models.PositiveIntegerField(default=1000, help_text='Characters of a chunk at most.', validators=[django.core.validators.MinValueValidator(100), django.core.validators.MaxValueValidator(8000)])),
                ('chunk_overlap', models.PositiveIntegerField(default=150, help_text='Characters that neighbours share at most.')),
                ('language', models.CharField(choices=[('simple', 'None (words as they are)'), ('arabic', 'Arabic'), ('danish', 'Danish'), ('dutch', 'Dutch'), ('english', 'English'), ('finnish', 'Finnish'), ('french', 'French'), ('german', 'German'), ('greek', 'Greek'), ('hindi', 'Hindi'), ('hungarian', 'Hungarian'), ('indonesian', 'Indonesian'), ('irish', 'Irish'), ('italian', 'Italian'), ('lithuanian', 'Lithuanian'), ('nepali', 'Nepali'), ('norwegian', 'Norwegian'), ('portuguese', 'Portuguese'), ('romanian', 'Romanian'), ('russian', 'Russian'), ('serbian', 'Serbian'), ('spanish', 'Spanish'), ('swedish', 'Swedish'), ('tamil', 'Tamil'), ('turkish', 'Turkish'), ('yiddish', 'Yiddish')], default='english', help_text='Of the words.', max_length=20)),
                ('id', models.UUIDField(default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveIntegerField()),
                ('state', models.CharField(choices=[('live', 'Searched'), ('building', 'Being built'), ('failed', 'Failed'), ('discarded', 'Discarded')], default='live', max_length=10)),
                ('dimensions', models.PositiveIntegerField(blank=True, null=True)),
                ('chunks', models.PositiveIntegerField(default=0)),
                ('input_tokens', models.PositiveBigIntegerField(default=0)),
                ('own_indexes', models.BooleanField(default=False)),
                ('failures', models.PositiveIntegerField(default=0, help_text='In a row.')),
                ('trouble', models.TextField(blank=True)),
                ('error', models.TextField(blank=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('worked_at', models.DateTimeField(auto_now_add=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('collection', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='indexes', to='knowledge.collection')),
                ('workspace', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.workspace')),
            ],
            options={
                'verbose_name_plural': 'search indexes',
                'ordering': ('-number',),
            },
        ),
        migrations.CreateModel(
            name='IndexedDocument',
            fields=[
                ('id', models.UUIDField(default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('pending', 'Waiting'), ('done', 'Indexed'), ('failed', 'Failed')], default='pending', max_length=8)),
                ('done', models.PositiveIntegerField(default=0)),
                ('chunks', models.PositiveIntegerField(blank=True, null=True)),
                ('error', models.TextField(blank=True)),
                ('document', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='indexed', to='knowledge.document')),
                ('index', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='documents', to='knowledge.searchindex')),
            ],
        ),
        migrations.CreateModel(
            name='Chunk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField()),
                ('start', models.PositiveIntegerField(help_text='Characters before it in the document.')),
                ('heading', models.TextField(blank=True)),
                ('text', models.TextField()),
                ('embedding', execution.knowledge.models.HalfVector()),
                ('words', django.contrib.postgres.search.SearchVectorField()),
                ('document', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='knowledge.document')),
                ('index', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='knowledge.searchindex')),
            ],
        ),
        migrations.CreateModel(
            name='Word',
            fields=[
                ('pk', models.CompositePrimaryKey('index_id', 'word', blank=True, editable=False, primary_key=True, serialize=False)),
                ('word', models.TextField()),
                ('chunks', models.IntegerField()),
                ('index', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='knowledge.searchindex')),
            ],
        ),
        migrations.AddIndex(
            model_name='collection',
            index=models.Index(fields=['workspace', '-created_at'], name='collection_by_workspace'),
        ),
        migrations.AddConstraint(
            model_name='collection',
            constraint=models.UniqueConstraint(fields=('workspace', 'slug'), name='collection_slug_once'),
        ),
        migrations.AddIndex(
            model_name='document',
            index=models.Index(fields=['collection', '-created_at'], name='document_by_collection'),
        ),
        migrations.AddConstraint(
            model_name='document',
            constraint=models.UniqueConstraint(fields=('collection', 'digest'), name='document_text_once'),
        ),
        migrations.AddConstraint(
            model_name='searchindex',
            constraint=models.UniqueConstraint(fields=('collection', 'number'), name='index_number_once'),
        ),
        migrations.AddConstraint(
            model_name='searchindex',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'live')), fields=('collection',), name='one_live_index'),
        ),
        migrations.AddConstraint(
            model_name='searchindex',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'building')), fields=('collection',), name='one_being_built'),
        ),
        migrations.AddIndex(
            model_name='indexeddocument',
            index=models.Index(condition=models.Q(('state', 'pending')), fields=['index', 'document'], name='indexed_pending'),
        ),
        migrations.AddConstraint(
            model_name='indexeddocument',
            constraint=models.UniqueConstraint(fields=('index', 'document'), name='indexed_once'),
        ),
        migrations.AddConstraint(
            model_name='chunk',
            constraint=models.UniqueConstraint(fields=('index', 'document', 'position'), name='chunk_once'),
        ),
        migrations.RunSQL(IN_THE_ROW, migrations.RunSQL.noop),
    ]
