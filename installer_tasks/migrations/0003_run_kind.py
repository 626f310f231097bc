from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("installer_tasks", "0002_observation_only")]

    operations = [
        migrations.AddField(
            model_name="run",
            name="kind",
            field=models.CharField(
                choices=[
                    ("install", "Install"),
                    ("undo", "removes the packages; volumes with their data stay"),
                    ("undo-all", "removes the namespace too, and with it every volume"),
                ],
                default="install",
                max_length=10,
            ),
        ),
    ]
