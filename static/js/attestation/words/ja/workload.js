/** As ../en/workload.js, in Japanese. */
export const WORKLOAD_PASSED = {
  "td.workload":
    "動いているものはすべて測定され、リリース {version} のものです: アプリケーション、{server}、モデル {model}。",
};

export const WORKLOAD_REASONS = {
  event_log_malformed: "起動の記録が読み取れません。",
  event_log_begins: "記録が始まる前に、何かが測定されています。",
  event_log_differs: "記録されたイベントから、プロセッサーが報告する {names} になりません。",
  event_differs: "イベント {number} が測定されたものと違います: {event}。",
  event_unknown: "このイベントはリリースにありません: {event}。",
  application_differs: "アプリケーションの次のファイルがリリースと違います: {names}。",
  server_differs: "モデルサーバーがリリースのものではありません: {server}。",
  blob_differs: "モデル {model} の次のファイルが、あるべきものと違います: {blobs}。",
};

export const WORKLOAD_UNCHECKED = {
  workload: "マシンは動かしているものを測定していません",
  parts: "動いているものの一部が測定されていません",
  endpoint: "モデルはこのマシンの外で動いており、プロンプトはそこで読まれ、何が読むのかを誰も証明しません",
};
