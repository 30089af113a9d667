// The mock's control API. Every request of the page goes through here, and all of them to the server that served it.

const root = new URL('./', document.baseURI); // …/_mock/

/** An answer that is no success. Problems are the fields that were refused: [{field, msg}]. */
export class ApiError extends Error {
  constructor(status, message, problems = []) {
    super(message);
    this.status = status;
    this.problems = problems;
  }
}

/** Reads {"detail": "…"} and {"detail": [{loc, msg}]}. */
function errorOf(status, answer) {
  const detail = answer?.detail;
  if (Array.isArray(detail)) {
    const problems = detail.map(({ loc = [], msg = '' }) => ({ field: loc.slice(1).join('.'), msg }));
    return new ApiError(status, problems.map(({ field, msg }) => (field ? `${field}: ${msg}` : msg)).join('; '), problems);
  }
  return new ApiError(status, typeof detail === 'string' ? detail : `the mock answered ${status}`);
}

async function call(method, path, body) {
  const init = { method, cache: 'no-store', headers: { Accept: 'application/json' } };
  if (body !== undefined) {
    init.headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(new URL(path, root), init);
  } catch {
    throw new ApiError(0, 'the mock does not answer');
  }
  const text = await response.text();
  let answer;
  try {
    answer = text === '' ? undefined : JSON.parse(text);
  } catch {
    answer = undefined;
  }
  if (!response.ok) throw errorOf(response.status, answer);
  return answer;
}

const segment = encodeURIComponent;

function query(fields) {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== '' && value !== undefined && value !== null) params.set(name, value);
  }
  const text = params.toString();
  return text ? `?${text}` : '';
}

export const api = {
  streamURL: new URL('deliveries/stream', root).href,
  providers: () => call('GET', 'console/providers.json'),
  status: () => call('GET', 'status'),

  summaries: (filter) => call('GET', `deliveries/summaries${query(filter)}`),
  delivery: (id) => call('GET', `deliveries/${segment(id)}`),
  resend: (id) => call('POST', `deliveries/${segment(id)}/resend`),
  emit: (event) => call('POST', 'events', event),

  faults: async () => (await call('GET', 'faults')).faults,
  faultKinds: async () => (await call('GET', 'faults/kinds')).kinds,
  addFault: (fault) => call('POST', 'faults', fault),
  removeFault: (id) => call('DELETE', `faults/${segment(id)}`),
  clearFaults: () => call('DELETE', 'faults'),

  agents: async () => (await call('GET', 'agents')).agents,
  setWebhook: (id, webhook) => call('PUT', `agents/${segment(id)}/webhook`, webhook),
  addAgent: (agent) => call('POST', 'agents', agent),
  scenarios: async () => (await call('GET', 'scenarios')).scenarios,

  results: async () => (await call('GET', 'results')).results,
  advance: (duration) => call('POST', 'clock/advance', { duration }),
  reset: () => call('POST', 'reset'),
};
