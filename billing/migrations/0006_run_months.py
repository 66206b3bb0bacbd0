"""How many runs workspaces with a limit of them began in a month."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0011_support'),
        ('billing', '0005_operators'),
    ]

    operations = [
        migrations.CreateModel(
            name='RunMonth',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('month', models.DateField(help_text='Its first day (UTC).')),
                ('number', models.PositiveIntegerField(help_text='Runs that people and programs began.')),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.workspace')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('workspace', 'month'), name='run_month_once')],
            },
        ),
    ]
