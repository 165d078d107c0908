/**
 * What a browser may do with any answer: nothing but what the pages' own files need, and those by
 * name. Neither inline script nor inline style, no frame around them, no part of them in other sites'
 * pages, nothing kept, and no address of theirs told to others.
 */
export const HEADERS: Readonly<Record<string, string>> = {
  // Each answer is the state of one moment.
  "Cache-Control": "no-store",
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};
