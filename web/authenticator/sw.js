// {version}
const FILES = `{files}`.split('\n');
