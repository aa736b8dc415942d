// The push service and the mail server beside the server under test (testkit/examples/browser_services.rs).
export const services = JSON.parse(process.env.AIZUCHI_SERVICES);

const told = async (path, options) => {
  const answer = await fetch(new URL(path, services.told), options);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer;
};

/** What the push service took, and what browsers said of it: `{taken, said}`. */
export const pushes = async () => (await told('pushes')).json();

/** The mails that were taken: `[{to, data}]`. */
export const mails = async () => (await told('mails')).json();

/** The push service forgets a subscription. */
export const forgets = (token) => told(`gone/${encodeURIComponent(token)}`, { method: 'POST' });
