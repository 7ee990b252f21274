// Condition messages may end with what to do: `what is true → what to do`.

export function splitHint(message: string): { readonly text: string; readonly hint: string | undefined } {
  const at = message.lastIndexOf(' → ');
  return at < 0
    ? { text: message, hint: undefined }
    : { text: message.slice(0, at), hint: message.slice(at + ' → '.length) };
}
