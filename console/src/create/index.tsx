export default function CreateScreen() {
  return <h1 tabIndex={-1}>Create</h1>;
}
