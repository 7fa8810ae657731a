/** Words of the palette: what it found, and where. */
export const PALETTE = {
  "palette.actions": "Actions",
  "palette.conversations": "Conversations",
  "palette.messages": "Messages",
  "palette.search": "Search your messages for “{query}”",
  "palette.count": "{count} to choose from",
};
