/** A status as a word in its colour. */

type Tone = "good" | "busy" | "warn" | "bad" | "idle";

const TONES: Record<string, Tone> = {
  succeeded: "good",
  success: "good",
  active: "good",
  approve: "good",
  running: "busy",
  started: "busy",
  building: "busy",
  deploying: "busy",
  initializing: "busy",
  queued: "busy",
  created: "good",
  resolved: "good",
  intended: "busy",
  postponed: "busy",
  failed: "warn",
  reported: "warn",
  refused: "warn",
  watched: "idle",
  deleted: "idle",
  unknown: "idle",
  skipped: "idle",
  sleeping: "idle",
  removed: "idle",
  leaked: "bad",
  crashed: "bad",
  gone: "bad",
  destroy_failed: "bad",
  abandoned: "bad",
  interrupted: "bad",
};

export function toneOf(status: string): Tone {
  return TONES[status.toLowerCase()] ?? "idle";
}

export function Status({ value, tone }: { value: string; tone?: Tone }) {
  const words = value.toLowerCase().replaceAll("_", " ");
  return <span class={`status ${tone ?? toneOf(value)}`}>{words}</span>;
}
