"""The cluster that Tanzu Mission Control runs in, by an uploaded kubeconfig."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from installer_tasks.cluster import kubeconfig
from installer_tasks.errors import InputError
from wizard.steps.base import Step, StepForm
from wizard.steps.fields import ChoiceField, Option, SecretDocumentField


class ClusterForm(StepForm):
    step = "cluster"

    kubeconfig = SecretDocumentField(
        label=gettext_lazy("Kubeconfig"),
        help_text=gettext_lazy(
            "Upload the file or paste its text. It is read as data and sealed at once; programs, paths and proxies in "
            "it are refused."
        ),
        accept=".yaml,.yml,.conf,.config,.kubeconfig,text/*",
        rows=5,
    )
    context = ChoiceField(
        label=gettext_lazy("Context"),
        help_text=gettext_lazy("Which of the clusters in the file to install into."),
        example="admin@tmc",
        open=True,
    )

    def content(self) -> str:
        """The kubeconfig that counts: the one sent now, else the sealed one."""
        if sent := (getattr(self, "cleaned_data", {}) or {}).get("kubeconfig"):
            return str(sent)
        kept = self.installation.answers.filter(key="cluster.kubeconfig").first()
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
        if not context and not self.known.get("cluster.context"):
            self._settle(chosen.context)

    def _settle(self, context: str) -> None:
        """The file's current context, until a person chooses another."""
        self.cleaned_data["context"] = context
        self.found.add("context")
        if "context" in self.errors:
            del self.errors["context"]


STEP = Step(
    slug="cluster",
    title=gettext_lazy("Cluster"),
    lead=gettext_lazy(
        "Tanzu Mission Control runs in a Kubernetes cluster of its own. The installer works in it with the rights of "
        "this kubeconfig, and with nothing else."
    ),
    owner=gettext_lazy("The platform team that runs your Kubernetes clusters"),
    ask=(
        gettext_lazy("Which cluster is set aside for Tanzu Mission Control, and may I have cluster-admin in it?"),
        gettext_lazy("Has it three workers of 4 CPU, 8 GiB memory and 40 GiB disk, free for this?"),
        gettext_lazy("Does kapp-controller run in it, and is exactly one StorageClass the default?"),
        gettext_lazy("Can this machine reach its API server, and through which port?"),
    ),
    form=ClusterForm,
    handout_title=gettext_lazy("Commands that make a kubeconfig for this installer"),
    handout=lambda _answers: kubeconfig.SERVICE_ACCOUNT_COMMANDS,
)
