"""The project that the images go into; Harbor wants it to be there before the first push."""

from __future__ import annotations

from installer_tasks.errors import Missing
from installer_tasks.runs.stages.base import Context, Progress
from installer_tasks.runs.stages.systems import reference_of, registry_of
from installer_tasks.systems.registry.harbor import Harbor
from installer_tasks.text import mark as _
from installer_tasks.text import text


class RegistryProject:
    slug = "registry-project"
    title = _("Prepare the registry project")
    doing = _("Preparing the project in the registry")
    systems: tuple[str, ...] = ("bundle", "registry")
    shows = Progress.NONE
    reads: tuple[str, ...] = ("registry.project", "registry.username", "registry.password", "registry.ca")

    def is_done(self, context: Context) -> bool:
        """A registry without Harbor's API knows no projects: that it takes the user is all there is to prepare."""
        client = registry_of(context)
        client.ping()
        harbor = Harbor(client)
        return harbor.system_info() is None or harbor.project_exists(reference_of(context).project)

    def run(self, context: Context) -> None:
        name = reference_of(context).project
        harbor = Harbor(registry_of(context))
        created = harbor.create_project(name, public=True)
        if not harbor.project_exists(name):
            raise _not_there(name)
        context.report.event("registry.project-created" if created else "registry.project-there", project=name)


def _not_there(name: str) -> Missing:
    return Missing(
        text(_("The registry confirmed project %(name)s, but does not list it."), name=name),
        value=name,
        remedy=text(_("Ask the registry administrator to create project %(name)s."), name=name),
        code="registry-project-missing",
    )
