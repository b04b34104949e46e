/**
 * As JSON, with each text in it redacted by itself: what is taken out must not take the JSON apart, whatever a secret looks
 * like. Where nothing is to go, which is nearly always, it costs one look.
 */
export function redactedJson(value: unknown, redact: (text: string) => string): string {
  const json = JSON.stringify(value)
  if (redact(json) === json) return json
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'string' ? redact(inner) : inner))
}
