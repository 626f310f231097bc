from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("installer_tasks", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="observation",
            name="only",
            field=models.JSONField(default=list, help_text="names of the checks that are asked for; empty: all of them"),
        ),
    ]
