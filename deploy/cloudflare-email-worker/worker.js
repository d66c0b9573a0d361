// Hands mail that Cloudflare Email Routing receives to DocuFlow, over HTTPS.
//
// The whole mail is read first (Cloudflare takes 25 MiB at most, a worker has
// 128 MB): its hash is part of the signature, which goes before it.
// DocuFlow answers 200 once the mail is durable. Until then nothing here says
// that it was taken: what is thrown makes the sender's server try again.

const path = "/api/v1/inbound/raw";

export default {
  async email(message, env) {
    const raw = new Uint8Array(await new Response(message.raw).arrayBuffer());
    const response = await fetch(new URL(path, env.DOCUFLOW_URL), {
      method: "POST",
      headers: await signedHeaders(message, raw, env.DOCUFLOW_INBOUND_SECRET),
      body: raw,
      redirect: "manual", // a redirected POST would lose its body
    });
    const answer = await words(response);
    if (response.ok) return;
    if (isPermanent(response.status)) {
      message.setReject(answer);
      return;
    }
    throw new Error(`DocuFlow answered ${response.status}: ${answer}`);
  },
};

// A secret that does not fit is a mistake of ours, not of the sender: the mail
// has to come again when it is mended.
function isPermanent(status) {
  return status >= 400 && status < 500 && ![401, 408, 425, 429].includes(status);
}

async function signedHeaders(message, raw, secret) {
  const headers = {
    "Content-Type": "message/rfc822",
    "X-Docuflow-Timestamp": String(Math.floor(Date.now() / 1000)),
    "X-Docuflow-Mail-From": encodeURI(message.from ?? ""),
    "X-Docuflow-Rcpt-To": encodeURIComponent(message.to), // a comma would separate two
    "X-Docuflow-Content-Sha256": hex(await crypto.subtle.digest("SHA-256", raw)),
  };
  const text = [
    "v1", "POST", path, headers["X-Docuflow-Timestamp"], headers["X-Docuflow-Mail-From"],
    headers["X-Docuflow-Rcpt-To"], headers["X-Docuflow-Content-Sha256"],
  ].join("\n");
  const encoder = new TextEncoder();
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  headers["X-Docuflow-Signature"] = "v1=" + hex(await crypto.subtle.sign("HMAC", key, encoder.encode(text)));
  return headers;
}

// The title of a problem (RFC 9457) is made for the sender; anything else is not.
async function words(response) {
  const text = await response.text();
  try {
    return JSON.parse(text).title || "The mail was not taken";
  } catch {
    return "The mail was not taken";
  }
}

function hex(buffer) {
  return [...new Uint8Array(buffer)].map((octet) => octet.toString(16).padStart(2, "0")).join("");
}
