import { Empty } from "../components/notes";

export default function PromptsScreen() {
  return (
    <>
      <h1 tabIndex={-1}>Prompts</h1>
      <Empty>This screen is not there yet.</Empty>
    </>
  );
}
