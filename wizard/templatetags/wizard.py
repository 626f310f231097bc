"""Template tags of the wizard."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from installer_tasks.runs.time_left import Span
from wizard import reference as entries
from wizard.fragments import etag_of
from wizard.texts import render

register = template.Library()


@register.filter
def said(sentence: Any) -> str:
    """A stored sentence in the viewer's language."""
    return render(sentence)


@register.simple_tag
def icon(name: str) -> SafeString:
    """A picture that says nothing by itself: the word stands beside it."""
    url = f"{static('icons.svg')}#{name}"
    return format_html(
        '<svg class="icon icon-{}" aria-hidden="true" focusable="false"><use href="{}"/></svg>', name, url
    )


@register.simple_tag
def reference(kind: str, name: str) -> SafeString:
    """The name of a check or an error's code, with a link to its entry in the reference where it has one."""
    anchor = entries.anchor(kind, name)
    if anchor not in entries.anchors():
        return format_html("<code>{}</code>", name)
    return format_html('<a href="{}#{}"><code>{}</code></a>', reverse("reference"), anchor, name)


@register.simple_tag
def whole_style() -> SafeString:
    """Our style sheet in the document itself: for a file that is read where this installer is not."""
    css = (settings.BASE_DIR / "static" / "wizard.css").read_text(encoding="utf-8")
    return format_html("<style>{}</style>", mark_safe(css))  # noqa: S308 - our own file, nothing of anybody's in it


@register.simple_tag
def state(shown: Any) -> SafeString:
    """Icon, word and colour of a state."""
    return format_html('<span class="state tone-{}">{} {}</span>', shown.tone, icon(shown.icon), shown.word)


@register.simple_tag
def moment(at: datetime | None, how: str = "ago") -> SafeString | str:
    """A time as it was; the browser adds how long ago (`ago`), or counts on from it (`since`)."""
    if at is None:
        return ""
    local = timezone.localtime(at)
    same_day = local.date() == timezone.localdate()
    written = date_format(local, "H:i:s" if same_day else "Y-m-d H:i")
    return format_html('<time datetime="{}" data-time="{}">{}</time>', at.isoformat(), how, written)


@register.filter
def duration(seconds: float | None) -> str:
    """Seconds as people read them: 8 s, 3 min 05 s, 1 h 12 min."""
    if seconds is None:
        return ""
    whole = max(0, round(seconds))
    if whole < 60:
        return gettext("%(seconds)s s") % {"seconds": whole}
    if whole < 3600:
        return gettext("%(minutes)s min %(seconds)s s") % {"minutes": whole // 60, "seconds": f"{whole % 60:02d}"}
    return gettext("%(hours)s h %(minutes)s min") % {"hours": whole // 3600, "minutes": f"{whole % 3600 // 60:02d}"}


@register.filter
def time_left(span: Span) -> str:
    """A range as people say it: less than a minute left, 4 to 7 min left, 1 h 10 min to 2 h 05 min left."""
    low, high = span.low, span.high
    if high < 55:
        return gettext("less than a minute left")
    if high < 3600:
        least, most = max(1, round(low / 60)), max(1, math.ceil(high / 60))
        if least == most:
            return gettext("about %(minutes)s min left") % {"minutes": most}
        return gettext("%(least)s to %(most)s min left") % {"least": least, "most": most}
    return gettext("%(least)s to %(most)s left") % {"least": duration(low), "most": duration(high)}


@register.filter
def size(count: float | None) -> str:
    """Bytes as people read them."""
    number = float(count or 0)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024 or unit == "GiB":
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return ""


@register.simple_tag(takes_context=True)
def live(context: template.Context, name: str, url: str, template_name: str) -> SafeString:
    """A part of the page that static/live.js fetches again when something changed; swapped when it differs."""
    loaded = context.template.engine.get_template(template_name) if context.template else None
    html = loaded.render(context) if loaded else ""
    return format_html(
        '<div id="{}" class="live" hx-get="{}" hx-trigger="refresh" hx-target="this" hx-swap="innerHTML" '
        'hx-params="none" data-etag="{}">{}</div>',
        name,
        url,
        etag_of(html),
        mark_safe(html),  # noqa: S308 - rendered by an autoescaping template
    )
