/**
 * JSON whose numbers keep their digits: a person who decides about an input must not read 12345678901234567000 where it says
 * 12345678901234567890. Browsers that cannot do this yet show the rounded number.
 */

interface RawNumbers {
  rawJSON?: (text: string) => unknown;
}

type Reviver = (key: string, value: unknown, context?: { source?: string }) => unknown;

/** Parse JSON. A number that JavaScript would change is an object that only `formatJson` understands. */
export function parseExactly(text: string): unknown {
  return JSON.parse(text, keepDigits as Parameters<typeof JSON.parse>[1]);
}

const ONE_LINE_CHARS = 60;

/** JSON for people: in one line where that is short, else with indents. */
export function formatJson(value: unknown): string {
  const text = JSON.stringify(value) ?? "";
  return text.length <= ONE_LINE_CHARS ? text : JSON.stringify(value, null, 2);
}

const keepDigits: Reviver = (_key, value, context) => {
  const source = context?.source;
  const { rawJSON } = JSON as RawNumbers;
  if (typeof value !== "number" || !source || !rawJSON || String(value) === source) return value;
  return rawJSON(source);
};
