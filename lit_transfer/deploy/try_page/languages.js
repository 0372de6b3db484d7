"use strict";
const LANGUAGES = {
  en: {
    classes: "Classes:", type: "Type a text", classify: "Classify", probabilities: "Probability of each class", unsure: "unsure", no_label: "no label",
    unsure_what: "The most probable class, {0}, is below the confidence that the model needs for an answer.",
    why: "Words that decided", legend: "Green words support the class and red words oppose it; stronger colors mean more. A word with a question mark is unknown to the model. Choose a word for its nearest words.",
    unknown: "unknown to the model", unknown_count: "{0} of {1} words {0:is:are} unknown to the model, which treats all unknown words alike.",
    own_count: "{0} {0:word is:words are} not in the vocabulary, but {0:has:have} a pretrained vector.", cut: "The last {0} {0:word is:words are} not explained.",
    nearest: "Nearest words of “{0}”", before: "before training", after: "after training", none: "no vector",
    states: "One word in several sentences", states_what: "The state of a word depends on its sentence: 1 is the same state, 0 an unrelated one.",
    word: "Word", needs: "Give one word, and at least two sentences in which it is a word of its own.", sentences: "Sentences that contain it, one a line", compare: "Compare", example: "play|The children play in the garden.\nWe saw the play in the theatre.\nThey play football.\nThe play was dull.",
    file: "A whole file", file_what: "Drop a file of texts here (CSV, TSV, Excel, JSON lines, or a text a line). The labelled file comes back.", choose: "File", column: "Column of the texts",
    working: "Classifying…", done: "{0} is labelled and saved.", gone: "The server does not answer.",
  },
  ko: {
    classes: "분류:", type: "문장을 입력하세요", classify: "분류하기", probabilities: "분류별 확률", unsure: "확실하지 않음", no_label: "해당하는 분류 없음",
    unsure_what: "가장 확률이 높은 분류 {0}의 확신도가 모델이 답하는 기준보다 낮습니다.",
    why: "판단에 영향을 준 단어", legend: "초록색 단어는 그 분류를 지지하고 빨간색 단어는 반대하며, 색이 진할수록 영향이 큽니다. 물음표가 붙은 단어는 모델이 모르는 단어입니다. 단어를 누르면 가까운 단어를 보여 줍니다.",
    unknown: "모델이 모르는 단어", unknown_count: "단어 {1}개 중 {0}개는 모델이 모르는 단어이며, 모두 똑같이 다룹니다.",
    own_count: "{0}개는 어휘에 없지만 사전 학습 벡터가 있습니다.", cut: "마지막 단어 {0}개는 설명하지 않았습니다.",
    nearest: "“{0}”와(과) 가까운 단어", before: "학습 전", after: "학습 후", none: "벡터 없음",
    states: "여러 문장 속의 한 단어", states_what: "단어의 상태는 문장에 따라 달라집니다. 1은 같은 상태, 0은 관련 없는 상태입니다.",
    word: "단어", needs: "단어 하나와, 그 단어가 따로 떨어져 나오는 문장을 둘 이상 쓰세요.", sentences: "단어가 들어 있는 문장 (한 줄에 하나)", compare: "비교하기", example: "배|배 고픈데 밥 먹자.\n항구에 배 들어왔다.\n과일 가게에서 배 샀다.",
    file: "파일 전체", file_what: "문장 파일을 여기에 놓으세요 (CSV, TSV, Excel, JSON lines, 또는 한 줄에 한 문장). 분류된 파일을 돌려드립니다.", choose: "파일", column: "문장이 있는 열",
    working: "분류하는 중…", done: "{0} 파일을 분류하여 저장했습니다.", gone: "서버가 응답하지 않습니다.",
  },
};
