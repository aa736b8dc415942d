// The stand-ins for Apple's and Google's push services, as `testkit` starts them.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Starts them; `stop` ends them. */
export async function pushServices() {
  const child = spawn(process.env.AIZUCHI_PUSH_SERVICES, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const line = await new Promise((resolve, reject) => {
    lines.once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the stand-ins ended with ${code}`)));
  });
  return { ...JSON.parse(line), stop: () => child.stdin.end() };
}
