"""axe-core on a page as it is: all its rules on everything, the contrast of colours once for each that looks the same.

Three quarters of axe's time go into contrast. Texts in the same colours, on the same backgrounds, behind the same
ancestors have the same; whatever could differ in a way that this does not show is looked at by itself: what lies under
or above something that is positioned, what is drawn in a picture, what names something that is disabled.
"""

from __future__ import annotations

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

#: One text of each kind, and every one that is of no kind.
TEXTS = """() => {
  const chains = new Map(), seen = new Set();
  const look = one => {
    const style = getComputedStyle(one);
    return [style.backgroundColor, style.backgroundImage, style.opacity, style.filter, style.mixBlendMode,
      style.visibility, style.clipPath, style.overflow];
  };
  const chain = one => {
    if (!one) return "";
    if (!chains.has(one)) {
      chains.set(one, [chain(one.parentElement), one.tagName, one.className, ...look(one)].join("|"));
    }
    return chains.get(one);
  };
  const moved = one => {
    const style = getComputedStyle(one);
    const shifted = style.position === "relative" && ["top", "left"].some(side => parseFloat(style[side]));
    return ["absolute", "fixed", "sticky"].includes(style.position) || shifted || style.transform !== "none"
      || style.float !== "none" || ["Top", "Left", "Right", "Bottom"].some(side => parseFloat(style[`margin${side}`]) < 0);
  };
  const all = [...document.querySelectorAll("body, body *")];
  const layers = all.filter(moved).map(one => [one, one.getBoundingClientRect()]).filter(([, box]) => box.width * box.height);
  const covered = (one, box) => layers.some(([layer, its]) => !layer.contains(one) && its.left < box.right
    && box.left < its.right && its.top < box.bottom && box.top < its.bottom);
  const said = one => [...one.childNodes].filter(node => node.nodeType === Node.TEXT_NODE).map(node => node.data.trim()).join("");
  const named = new Set([...document.querySelectorAll("[aria-labelledby]")].flatMap(one => one.getAttribute("aria-labelledby").split(/\\s+/)));
  const names = one => {
    for (let each = one; each; each = each.parentElement) if (named.has(each.id)) return true;
    return false;
  };
  // Axe leaves out what is disabled and what names it.
  const owner = one => one.closest("button") ?? one.closest("label")?.control;
  return all.filter(one => {
    if (one.matches("input, select, textarea")) return true;
    const words = said(one);
    if (!words) return false;
    if (names(one) || one.closest("svg, [disabled], [aria-disabled]") || !/\\p{L}{2}/u.test(words)) return true;
    const box = one.getBoundingClientRect();
    if (!box.width || !box.height || !one.checkVisibility()) return true;
    if (covered(one, box)) return true;
    const style = getComputedStyle(one);
    const kind = [chain(one), Boolean(owner(one)?.matches(":disabled, [aria-disabled]")), style.color, style.fontSize, style.fontWeight, style.textShadow].join("|");
    return !seen.has(kind) && Boolean(seen.add(kind));
  });
}"""
#: One run: most of what a run costs is reading the page, whatever the rules are.
RUN = f"""async isNew => {{
  const texts = ({TEXTS})();
  axe.configure({{ rules: [{{ id: "color-contrast", selector: "[data-contrast]" }}] }});
  for (const one of texts) one.dataset.contrast = "";
  try {{
    // The rules on style sheets see the same at every width.
    return (await axe.run({{ resultTypes: ["violations"], preload: isNew }})).violations;
  }} finally {{
    axe.reset();
    for (const one of texts) delete one.dataset.contrast;
  }}
}}"""


def violations(page: Page) -> list[str]:
    """What axe-core finds."""
    is_new = not page.evaluate("Boolean(window.axe)")
    if is_new:
        page.evaluate(AXE_SCRIPT)
    return [_told(violation) for violation in page.evaluate(RUN, is_new)]


def _told(violation: dict[str, object]) -> str:
    nodes = violation["nodes"]
    assert isinstance(nodes, list)
    places = "; ".join(f"{node['target']} {node.get('failureSummary', '')[:200]}" for node in nodes[:3])
    return f"{violation['id']}: {violation['help']} ({len(nodes)}): {places}"
