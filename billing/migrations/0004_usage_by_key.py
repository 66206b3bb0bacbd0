from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0003_model_catalogue'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='usagerecord',
            index=models.Index(condition=models.Q(('api_key__isnull', False)), fields=['api_key', 'at'], include=['cost'], name='usage_by_key'),
        ),
    ]
