/** As ../en/attachments.js, in Japanese. */
export const ATTACHMENTS = {
  "attachment.sending": "{size}、送信中",
  "attachment.reading": "{size}、マシンの中で読み取り中",
  "attachment.pages": "{size} · {pages} ページ · 約 {tokens} トークン",
  "attachment.parts": "{size} · {pages} 部分 · 約 {tokens} トークン",
  "attachment.image": "{size} · 画像 · 約 {tokens} トークン",
  "attachment.remove": "{name} を外す",
  "attachment.citation": "出典 {n}、{page} ページ目または部分：表示する",
  "passage.page": "{page} / {pages} ページ",
  "passage.part": "{page} / {pages} 部分",
  "fault.attachment_missing": "ファイルが手元にありません。もう一度添付してください。",
  "fault.attachment_too_large": "このファイルは 20 MB を超えています。送信されませんでした。",
  "fault.attachments_full": "送信中のファイルが多すぎます。先にいくつか送るか外してください。",
  "fault.attachments_many": "1 つのメッセージに添付できるのは 10 ファイルまでです。",
  "fault.attachments_quota":
    "ファイル用の容量を使い切りました。ファイルのある会話を削除するか、一時チャットを使ってください。",
  "fault.document_empty": "このファイルには文字がありません。ページの画像かもしれません。",
  "fault.document_kind": "この種類のファイルは読めません。UTF-8 のテキスト、コード、PDF、Word、画像が読めます。",
  "fault.document_locked": "このファイルはパスワードで保護されています。先に解除して保存してください。",
  "fault.document_too_large": "このファイルは一度に読むにはページか文字が多すぎます。分割してください。",
  "fault.document_too_much": "通常のファイルではあり得ないほどの処理が必要なため、拒否されました。",
  "fault.document_unconfined":
    "このサーバーはファイルを安全に読めないため、何も読みません。理由は管理者のログにあります。",
  "fault.document_unreadable": "このファイルは壊れているか、示された種類ではありません。",
  "fault.file_unreadable": "ブラウザーがファイルを読めませんでした。フォルダーは添付できません。",
  "fault.image_too_large": "この画像は 4000 万画素を超えるか、一辺が 20 000 を超えています。小さくしてください。",
  "fault.model_blind": "このモデルは画像を見られません。画像を外すか、見られるモデルを選んでください。",
};
