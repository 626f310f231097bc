import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def keep_who_may_enter(apps, schema_editor):
    """Before there were roles everybody could do everything; nobody loses that by updating."""
    user = apps.get_model(*settings.AUTH_USER_MODEL.split("."))
    membership = apps.get_model("installer_tasks", "Membership")
    workspaces = list(apps.get_model("installer_tasks", "Workspace").objects.all())
    people = user.objects.filter(is_superuser=False)
    membership.objects.bulk_create(
        membership(workspace=workspace, person=person, role="installer") for person in people for workspace in workspaces
    )


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("installer_tasks", "0003_run_kind"),
    ]

    operations = [
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("installer", "answers, waives, installs, undoes"),
                            ("viewer", "reads, and changes nothing"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to="installer_tasks.workspace",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("workspace", "person"), name="one_role_a_member")]
            },
        ),
        migrations.RunPython(keep_who_may_enter, migrations.RunPython.noop),
    ]
