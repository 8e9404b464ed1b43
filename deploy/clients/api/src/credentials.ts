// What the local stack leaves for clients in `.run/credentials.json`.

import { readFileSync } from "node:fs";

export interface Partner {
  readonly partner_id: string;
  readonly source: string;
  readonly app_key: string;
  readonly secret: string;
}

export interface Credentials {
  readonly gateway_url: string;
  readonly wechat_code_prefix: string;
  readonly partners: readonly Partner[];
}

export function readCredentials(path: string): Credentials {
  return JSON.parse(readFileSync(path, "utf8")) as Credentials;
}

export function partnerOf(credentials: Credentials, partnerId: string): Partner {
  const found = credentials.partners.find((one) => one.partner_id === partnerId);
  if (found === undefined) throw new Error(`no partner ${partnerId} in the credentials`);
  return found;
}
