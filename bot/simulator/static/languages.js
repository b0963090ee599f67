// The languages a resident can have: BCP 47 tag, what their Telegram reports, own name, a person, and a first sentence.
// Every sentence says that a bicycle was stolen.

const ROWS = [
  ["vi", "vi", "Tiếng Việt", "Linh", "mất xe đạp"],
  ["ne", "ne", "नेपाली", "Arjun", "साइकल चोरी भयो"],
  ["pt-BR", "pt-br", "Português (Brasil)", "Lucas", "roubaram minha bicicleta"],
  ["ja", "ja", "日本語（やさしい）", "Alex", "じてんしゃを とられました"],
  ["en", "en", "English", "Sam", "my bike was stolen"],
  ["zh-Hans", "zh-hans", "简体中文", "Wei", "自行车被偷了"],
  ["zh-Hant", "zh-hant", "繁體中文", "Mei", "腳踏車被偷了"],
  ["ko", "ko", "한국어", "Ji-woo", "자전거를 도둑맞았어요"],
  ["es", "es", "Español", "Ana", "me robaron la bicicleta"],
  ["th", "th", "ไทย", "Somchai", "จักรยานหาย"],
  ["id", "id", "Bahasa Indonesia", "Dewi", "sepeda saya dicuri"],
  ["fil", "fil", "Filipino", "Maria", "ninakaw ang bike ko"],
  ["km", "km", "ខ្មែរ", "Sok", "បាត់កង់"],
  ["my", "my", "မြန်မာ", "Aung", "စက်ဘီးပျောက်သွားတယ်"],
  ["mn", "mn", "Монгол", "Bat", "дугуй алдчихлаа"],
  ["si", "si", "සිංහල", "Nimal", "මගේ බයිසිකලය හොරකම් කළා"],
  ["bn", "bn", "বাংলা", "Rahim", "সাইকেল চুরি হয়েছে"],
  ["uk", "uk", "Українська", "Oksana", "вкрали велосипед"],
  ["ru", "ru", "Русский", "Ivan", "украли велосипед"],
  ["tr", "tr", "Türkçe", "Elif", "bisikletim çalındı"],
  ["hi", "hi", "हिन्दी", "Priya", "साइकिल चोरी हो गई"],
  ["ur", "ur", "اردو", "Ayesha", "سائیکل چوری ہو گئی"],
];

export const LANGUAGES = ROWS.map(([tag, code, name, person, sample]) => ({ tag, code, name, person, sample }));

/** Return the language of a Telegram language_code; one we do not know keeps its code as its name. */
export function languageOf(code) {
  const known = LANGUAGES.find((language) => language.code === code);
  return known ?? { tag: code || "en", code, name: code || "—", person: "", sample: "" };
}
