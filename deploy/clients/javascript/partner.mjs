// 用官方 CloudEvents SDK 推送，用官方 Standard Webhooks 库验签。Pushes with the official CloudEvents SDK, verifies
// deliveries with the official Standard Webhooks library. Commands and their lines: see ../README.md.

import { createHmac, randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { CloudEvent, emitterFor, Mode } from "cloudevents";
import { Webhook } from "standardwebhooks";

function authorization(method, path, body) {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const nonce = randomBytes(16).toString("hex");
  const message = Buffer.concat([Buffer.from(`${method}\n${path}\n${timestamp}\n${nonce}\n`), body, Buffer.from("\n")]);
  const signature = createHmac("sha256", process.env.TPH_SECRET).update(message).digest("base64");
  return (
    `CP1-HMAC-SHA256 app_key="${process.env.TPH_APP_KEY}",timestamp="${timestamp}",` +
    `nonce="${nonce}",signature="${signature}"`
  );
}

// 签名覆盖 SDK 交给传输层的原始字节。The transport signs the bytes that the SDK hands over, and sends exactly them.
function signedTransport(url) {
  return async ({ headers, body }) => {
    const target = new URL(url);
    const bytes = Buffer.from(body);
    const sent = { ...headers, Authorization: authorization("POST", target.pathname + target.search, bytes) };
    return fetch(target, { method: "POST", headers: sent, body: bytes });
  };
}

async function push(url, { mode, event }) {
  // 默认为二进制模式，必须写明结构化。The SDK sends binary mode unless it is told otherwise.
  const options = mode === "binary" ? {} : { mode: Mode.STRUCTURED };
  const answer = await emitterFor(signedTransport(url), options)(new CloudEvent(event));
  const content = await answer.json();
  return { delivered: answer.ok, status: answer.status, code: content.code ?? null, content };
}

function verify({ secret, headers, body }) {
  try {
    new Webhook(secret).verify(body, headers);
    return { valid: true };
  } catch {
    return { valid: false };
  }
}

const [command, url] = process.argv.slice(2);
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  console.log(JSON.stringify(command === "push" ? await push(url, request) : verify(request)));
}
