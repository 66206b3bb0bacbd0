// Fetches a part of the page from the server and puts it in place.
import htmx from "htmx.org";

/** Put the server's answer into `target`; where it cannot be had, say so and offer the link. */
export async function swapFrom(url: string, target: Element, swap = "innerHTML"): Promise<void> {
  try {
    await htmx.ajax("GET", url, { target, swap, source: target });
  } catch (error) {
    console.error(error);
    const link = document.createElement("a");
    link.href = location.href;
    link.className = "text-link";
    link.textContent = "This part could not be loaded. Reload the page.";
    target.replaceChildren(link);
  }
}
