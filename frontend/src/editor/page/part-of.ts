// A part of a page as the server draws it.

/** Its HTML; null where the server does not answer, or asks to sign in again. */
export async function partOf(address: string): Promise<string | null> {
  try {
    const answer = await fetch(address, { headers: { "HX-Request": "true" }, cache: "no-store" });
    return answer.ok && !answer.redirected ? await answer.text() : null;
  } catch {
    return null;
  }
}
