import { tellTimes } from "./times.js";

/**
 * What the server says now, in place of what it said.
 *
 * @param {readonly string[]} selectors parts of the page
 * @param {string} url of the page
 * @returns {Promise<Document | undefined>} nothing when it did not answer
 */
export async function swap(selectors, url) {
  const answer = await fetch(url, { headers: { Accept: "text/html" } }).catch(() => undefined);
  if (answer?.status === 401) location.reload();
  if (!answer?.ok) return undefined;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.title = page.title;
  for (const selector of selectors) {
    const fresh = [...page.querySelectorAll(selector)];
    document.querySelectorAll(selector).forEach((old, i) => replace(old, fresh[i]));
  }
  return page;
}

/**
 * @param {Element} old
 * @param {Element | undefined} fresh
 */
function replace(old, fresh) {
  // Who reads it with the keyboard must not lose the place.
  if (fresh === undefined || old.contains(document.activeElement)) return;
  tellTimes(fresh);
  if (old.outerHTML === fresh.outerHTML) return;
  const details = [...fresh.querySelectorAll("details")];
  old.querySelectorAll("details").forEach((it, i) => {
    const same = details[i];
    if (same !== undefined) same.open = it.open;
  });
  const scrolled = old.querySelector(".events")?.scrollTop ?? 0;
  old.replaceWith(document.adoptNode(fresh));
  const list = fresh.querySelector(".events");
  if (list !== null) list.scrollTop = scrolled;
}
