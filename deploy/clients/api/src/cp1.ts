// The CP1 signature of partners: over method, path with query, timestamp, nonce and the bytes of the body.

import { createHmac, randomBytes } from "node:crypto";
import type { Middleware } from "openapi-fetch";

export interface PartnerKey {
  readonly appKey: string;
  readonly secret: string;
}

export function signature(secret: string, parts: readonly string[], body: Uint8Array): string {
  const signed = createHmac("sha256", secret);
  signed.update(parts.map((part) => `${part}\n`).join(""));
  signed.update(body);
  signed.update("\n");
  return signed.digest("base64");
}

/** Signs each request after its body is final, with the body's own bytes. */
export function signedBy(key: PartnerKey): Middleware {
  return {
    async onRequest({ request }) {
      const body = new Uint8Array(await request.clone().arrayBuffer());
      const { pathname, search } = new URL(request.url);
      const timestamp = Math.floor(Date.now() / 1000).toString();
      const nonce = randomBytes(16).toString("hex");
      const value = signature(key.secret, [request.method, pathname + search, timestamp, nonce], body);
      request.headers.set(
        "Authorization",
        `CP1-HMAC-SHA256 app_key="${key.appKey}",timestamp="${timestamp}",nonce="${nonce}",signature="${value}"`,
      );
      return request;
    },
  };
}
