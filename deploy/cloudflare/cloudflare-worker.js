/**
 * Argosy behind Cloudflare. Needed only to answer better than Cloudflare does when the origin is slow: the zone alone
 * passes WebSockets and event streams (Network > WebSockets on; no cache rule for /v1/ and /ws).
 *
 * Cloudflare gives a request 100 s and then answers 524. No request of Argosy's takes that long: a job is begun at once,
 * and told of over a WebSocket, an event stream or by polling.
 */

const INITIATE_TIMEOUT_MS = 10_000;
const OTHER_TIMEOUT_MS = 90_000;

/** Answers that have no end: no time limit of ours, and nothing between them and the client. */
const STREAMS = /^\/v1\/(?:events|tasks\/[^/]+\/events)$/;
/** Finished files: large, and signed for whoever asks. */
const FILES = /^\/v1\/(?:results\/|tasks\/[^/]+\/files\/\d+\/content$)/;

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if ((request.headers.get("Upgrade") || "").toLowerCase() === "websocket") {
      return fetch(request);
    }
    if (STREAMS.test(pathname) || FILES.test(pathname)) {
      return fetch(request);
    }
    return within(request, pathname === "/v1/download/initiate" ? INITIATE_TIMEOUT_MS : OTHER_TIMEOUT_MS);
  },
};

/** The origin's answer, or a problem that says to ask again: with the same Idempotency-Key nothing is begun twice. */
async function within(request, milliseconds) {
  try {
    return await fetch(request, { signal: AbortSignal.timeout(milliseconds) });
  } catch (error) {
    if (error.name !== "TimeoutError" && error.name !== "AbortError") {
      throw error;
    }
    const problem = {
      type: "urn:argosy:error:gateway_timeout",
      title: "Gateway Timeout",
      status: 504,
      detail: `the service did not answer within ${milliseconds / 1000} s`,
      code: "gateway_timeout",
      hint: "ask again, with the same Idempotency-Key",
      retryable: true,
    };
    const headers = { "Content-Type": "application/problem+json", "Retry-After": "2", "Cache-Control": "no-store" };
    return new Response(JSON.stringify(problem), { status: 504, headers });
  }
}
