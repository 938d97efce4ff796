const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

const randomBytes = () => crypto.getRandomValues(new Uint8Array(11));

/**
 * A UUIDv7 (RFC 9562): 48 bits of epoch milliseconds, then random bits, so ids sort by time.
 * `crypto.randomUUID` would not do: it is v4, and absent on plain http.
 */
export function uuid7(now = Date.now(), bytes = randomBytes()) {
  const time = now.toString(16).padStart(12, "0");
  const random = hex(bytes);
  const variant = "89ab"[bytes[10] % 4];
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-${variant}${random.slice(3, 6)}-${random.slice(6, 18)}`;
}
