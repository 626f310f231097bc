"""The cluster that Tanzu Mission Control runs in, by an uploaded kubeconfig."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from installer_tasks.errors import InputError
from installer_tasks.systems.cluster import kubeconfig
from wizard.steps.base import Step, StepForm
from wizard.steps.fields import ChoiceField, Option, SecretDocumentField


class ClusterForm(StepForm):
    step = "cluster"

    kubeconfig = SecretDocumentField(
        label=gettext_lazy("Kubeconfig"),
        help_text=gettext_lazy(
            "Upload the file or paste its text. It is read as data and sealed immediately; "
            "programs, paths and proxies in it are rejected."
        ),
        accept=".yaml,.yml,.conf,.config,.kubeconfig,text/*",
        rows=5,
    )
    context = ChoiceField(
        label=gettext_lazy("Context"),
        help_text=gettext_lazy("The cluster in the file to install into."),
        example="admin@tmc",
        open=True,
    )

    def content(self) -> str:
        """The kubeconfig that counts: the one sent now, else the sealed one."""
        if sent := (getattr(self, "cleaned_data", {}) or {}).get("kubeconfig"):
            return str(sent)
        kept = self.given.state.answers.get("cluster.kubeconfig")
        return kept.reveal() if kept else ""

    def options(self) -> dict[str, list[Option]]:
        try:
            return {"context": [Option(context, context) for context in kubeconfig.contexts(self.content())]}
        except InputError:
            return {}

    def clean(self) -> None:
        content = self.content()
        if not content or "kubeconfig" in self.errors:
            return
        self._read(content, self.cleaned_data.get("context") or "")

    def _read(self, content: str, context: str) -> None:
        try:
            chosen = kubeconfig.parse_kubeconfig(content, context=context)
        except InputError as error:
            if error.field == "cluster.context" and "context" not in self.fields:
                return  # a new file was sent by itself: its contexts are offered next
            self.refuse(error, "kubeconfig" if "kubeconfig" in self.fields else "context")
            return
        if not context and not self.given.value("cluster.context"):
            self._settle(chosen.context)

    def _settle(self, context: str) -> None:
        """The file's current context, until a person chooses another."""
        self.cleaned_data["context"] = context
        self.given.found.add("cluster.context")
        if "context" in self.errors:
            del self.errors["context"]

    def answers(self, *, final: bool = False) -> dict[str, str]:
        """Of the kubeconfig, the part that the chosen context needs; all of it until one of several is chosen."""
        found, content = super().answers(final=final), self.content()
        context = self.cleaned_data.get("context")
        chosen = context and (final or "cluster.context" not in self.given.found)
        if content and not self.errors and (chosen or len(kubeconfig.contexts(content)) == 1):
            found["cluster.kubeconfig"] = kubeconfig.cut_down(content, context=context or "")
        return found


STEP = Step(
    slug="cluster",
    title=gettext_lazy("Cluster"),
    lead=gettext_lazy(
        "Tanzu Mission Control runs in a dedicated Kubernetes cluster. The installer uses only the "
        "permissions of this kubeconfig."
    ),
    owner=gettext_lazy("The platform team that runs your Kubernetes clusters"),
    ask=(
        gettext_lazy("Which cluster is reserved for Tanzu Mission Control, and can I get cluster-admin in it?"),
        gettext_lazy("Does it have three workers with 4 CPUs, 8 GiB of memory and 40 GiB of disk each, free for this?"),
        gettext_lazy("Is kapp-controller running in it, and is exactly one StorageClass the default?"),
        gettext_lazy("Can this machine reach its API server, and on which port?"),
    ),
    form=ClusterForm,
    handout_title=gettext_lazy("Commands that create a kubeconfig for this installer"),
    handout=lambda _answers: kubeconfig.SERVICE_ACCOUNT_COMMANDS,
)
