/** Name of an entry, as logs and command lines have it. */
export const entryNamePattern = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;
export const entryNameForm = '1 to 64 letters, digits and . _ @ -, and begins with a letter or a digit';
