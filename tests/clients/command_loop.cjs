// Reads commands, one JSON object a line, and answers each with one line. Commands run at the same time.
const readline = require("node:readline");

exports.serve = (commands) => {
  const answer = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
  readline.createInterface({ input: process.stdin }).on("line", async (line) => {
    const { command, ...given } = JSON.parse(line);
    try {
      answer({ answer: (await commands[command](given)) ?? null });
    } catch (error) {
      answer({ failure: `${command}: ${error?.stack ?? error}` });
    }
  });
};
