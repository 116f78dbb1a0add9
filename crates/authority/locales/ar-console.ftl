# لوحة الإدارة

# حول كل صفحة
console-overview = نظرة عامة
console-users = الحسابات
console-clients = التطبيقات
console-keys = المفاتيح
console-revocations = سجل الإلغاء
console-verifiers = المدقّقون
console-everyone = الجميع
console-changed = حُدِّثت الصفحة.
console-ended = سُجِّل خروج هذا الجهاز.
console-more = عرض المزيد
console-none = لا شيء بعد.

# أرقام
console-figure-head = آخر قيد في السجل
console-figure-verifiers = المدقّقون المتصلون
console-figure-current = المدقّقون المواكبون
console-latest = أحدث الإلغاءات
console-all-revocations = السجل كاملًا

# الحسابات
console-search = بداية اسم الدخول أو معرّف كامل، حتى معرّف نظام آخر
console-find = بحث
console-nobody-found = لا حساب بهذا الاسم أو بهذا المعرّف.
console-administrator = مدير
console-person = شخص
console-active = نشط
console-locked = مقفل
console-since = منذ
console-until = حتى
console-id = المعرّف
console-role = الدور
console-state = الحالة
console-unlock = فتح القفل
console-sessions = الأجهزة
console-no-sessions = لا شيء مسجَّل الدخول.
console-sessions-further = ليس في هذه الصفحة ما هو مسجَّل الدخول بعد.
console-user-agent = يعرّف نفسه بأنه
console-history = السجل
console-entry = القيد { $n }

# التطبيقات
console-kind = النوع
console-kind-browser = يعمل في المتصفح
console-kind-native = مثبَّت على حاسوب
console-kind-mobile = مثبَّت على هاتف أو جهاز لوحي
console-kind-service = خدمة تعمل باسمها
console-audiences = الرموز موجَّهة إلى
console-scopes = أقصى ما تسمح به الرموز

# المفاتيح
console-keys-intro = ما تُوقَّع به رموز الوصول وما تُحمى به رموز التجديد.
console-rotate = إنشاء مفاتيح جديدة
console-key-signing = يوقّع رموز الوصول
console-key-mac = يحمي رموز التجديد وملفات الارتباط
console-key-current = قيد الاستعمال
console-key-superseded = استُبدل
console-key-revoked = مُلغى
console-compromise = إلغاء
console-compromise-it = إلغاء { $it }

# السجل
console-revocations-intro = كل ما أُنهي، الأحدث أولًا.
console-position = القيد
console-time = متى
console-scope = ماذا
console-reason = لماذا
console-actor = مَن
console-newest-enforced = أحدث قيد نافذ: لم يعد أي مدقّق يقبل ما أنهاه.
console-missing = أكّد { $confirmed } من أصل { $of } من المدقّقين. هؤلاء لم يؤكدوا بعد، وعليهم ذلك وإلا كفّوا عن القبول:
console-settling = لا ينقص أي مدقّق من الذين يتبعون هذا الخادم الآن. ويصير الأمر مؤكدًا في كل مكان متى انقضى ما يلي:
console-late-here = هذا الخادم نفسه
console-late-node = من كان يتبع الخادم قبل تشغيله
console-late-epoch = من كان يتبع الخادم في الحقبة السابقة
console-by = قبل
console-by-command-line = سطر الأوامر
console-by-system = Rescind
console-by-nobody = مجهول
scope-everyone = الجميع
scope-everyone-services = الجميع وكل الخدمات
scope-client = تطبيق
scope-user = كل أجهزة
scope-user-others = كل الأجهزة إلا واحدًا من أجهزة
scope-user-deleted = الحساب المحذوف
scope-grant = ما لدى تطبيق من
scope-session = جهاز من أجهزة
scope-token = رمز وصول واحد
scope-key = مفتاح
scope-foreign_issuer = جهة إصدار أخرى
scope-foreign_subject = شخص لدى جهة إصدار أخرى
scope-foreign_session = جلسة لدى جهة إصدار أخرى

# المدقّقون
console-verifiers-intro = خدمات تدقّق الرموز بنفسها وتتابع سجل هذه العقدة. المتأخرون أولًا.
console-no-verifiers = لا مدقّق يتابع هذه العقدة.
console-head = ينتهي السجل عند القيد { $n }.
console-current = مواكب
console-gone = انقطع
console-lag = { $n ->
    [zero] بلا تأخر
    [one] متأخر بقيد واحد
    [two] متأخر بقيدين
    [few] متأخر بـ { $n } قيود
    [many] متأخر بـ { $n } قيدًا
   *[other] متأخر بـ { $n } قيد
}
console-lease = المهلة
console-seconds = { $n ->
    [zero] صفر ثانية
    [one] ثانية واحدة
    [two] ثانيتان
    [few] { $n } ثوانٍ
    [many] { $n } ثانية
   *[other] { $n } ثانية
}
console-left = { $n ->
    [zero] لم يبق شيء
    [one] بقيت ثانية واحدة
    [two] بقيت ثانيتان
    [few] بقيت { $n } ثوانٍ
    [many] بقيت { $n } ثانية
   *[other] بقيت { $n } ثانية
}
console-evict = إبعاد
console-evict-it = إبعاد { $it }

# قبل إنهاء ما هو واسع
console-type = اكتب { $it } للتأكيد
console-wrong-word = ليس هذا ما يجب كتابته. لم يحدث شيء.
console-hit = { $n ->
    [zero] لا توجد جلسة حية يشملها هذا.
    [one] يُنهي هذا جلسة واحدة.
    [two] يُنهي هذا جلستين.
    [few] يُنهي هذا { $n } جلسات.
    [many] يُنهي هذا { $n } جلسة.
   *[other] يُنهي هذا { $n } جلسة.
}
console-hit-more = يُنهي هذا أكثر من 10,000 جلسة.
console-hit-at-least = { $n ->
    [zero] لا يُعرف عدد الجلسات التي يُنهيها هذا.
    [one] يُنهي هذا جلسة واحدة على الأقل.
    [two] يُنهي هذا جلستين على الأقل.
    [few] يُنهي هذا { $n } جلسات على الأقل.
    [many] يُنهي هذا { $n } جلسة على الأقل.
   *[other] يُنهي هذا { $n } جلسة على الأقل.
}
console-hit-up-to = { $n ->
    [zero] لا توجد جلسة حية يشملها هذا.
    [one] يُنهي هذا جلسة واحدة على الأكثر.
    [two] يُنهي هذا جلستين على الأكثر.
    [few] يُنهي هذا { $n } جلسات على الأكثر.
    [many] يُنهي هذا { $n } جلسة على الأكثر.
   *[other] يُنهي هذا { $n } جلسة على الأكثر.
}
console-hit-tokens = يُرفض فورًا كل رمز وصول صُنع به. لا تنتهي أي جلسة: تحصل كل جلسة على رمز جديد عند التجديد التالي.
console-reason-too-long = ‏500 حرف على الأكثر، والحروف غير اللاتينية تشغل حيزًا أكبر. لم يحدث شيء.
console-reason-missing = اذكر السبب لمن يقرأ السجل. لم يحدث شيء.
console-new-password = كلمة المرور الجديدة
console-own-password = كلمة مرورك أنت
console-own-password-too = مضى وقت منذ أن أدخلت كلمة مرورك. اكتبها من فضلك، واكتب الجديدة مرة أخرى.
console-services-too = والخدمات التي تعمل باسمها أيضًا
console-lock-for = المدة
console-lock-default = كما في الإعدادات
console-lock-hour = ساعة
console-lock-day = يوم
console-lock-week = أسبوع
console-lock-forever = حتى يُفتح القفل
confirm-sign-out-title = تسجيل الخروج في كل مكان
confirm-sign-out-about = يُسجَّل فورًا خروج كل أجهزة { $it } من كل الخدمات.
confirm-sign-out-go = تسجيل الخروج في كل مكان
confirm-lock-title = قفل الحساب
confirm-lock-about = يُسجَّل خروج كل أجهزة { $it }، ولا يستطيع أحد الدخول بهذا الحساب حتى ينتهي القفل.
confirm-lock-go = قفل
confirm-password-title = تعيين كلمة مرور
confirm-password-about = يحصل { $it } على كلمة مرور جديدة، ويُسجَّل خروج كل أجهزة الحساب.
confirm-password-go = تعيين كلمة مرور
confirm-client-title = إلغاء تطبيق
confirm-client-about = ينتهي كل ما أُعطي { $it } لكل الحسابات ولنفسه. يبقى التطبيق ويمكن استعماله من جديد.
confirm-client-go = إلغاء كل ما أُعطي
confirm-key-title = إلغاء مفتاح
confirm-key-about = يُرفض كل ما صُنع بالمفتاح { $it }، كما يجب إن كان قد تسرّب. ويحل محله مفتاح جديد.
confirm-key-go = إلغاء هذا المفتاح
confirm-everyone-title = تسجيل خروج الجميع
confirm-everyone-about = يُسجَّل خروج كل أجهزة كل الحسابات، وأجهزتك أيضًا.
confirm-everyone-word = الجميع
confirm-everyone-go = تسجيل خروج الجميع

# كلمة المرور مرة أخرى
again-for-unlock = مضى وقت منذ أن أدخلتها. بعدها يُفتح قفل الحساب.
again-for-rotation = مضى وقت منذ أن أدخلتها. بعدها تُنشأ مفاتيح جديدة.
again-for-eviction = مضى وقت منذ أن أدخلتها. بعدها يُبعد المدقّق.

# ما جرى
notice-unlocked = فُتح قفل الحساب. ما أنهاه القفل يبقى منتهيًا.
notice-rotated = المفاتيح الجديدة قيد الاستعمال. القديمة صالحة لما صُنع بها.
notice-evicted = أُبعد المدقّق. يمكنه أن يعود.
notice-signed-out-already = كان خروج هذا الجهاز مسجَّلًا من قبل.

# ما حدث
console-event-user_created = أُنشئ الحساب
console-event-user_imported = استُورد الحساب
console-event-user_deleted = حُذف الحساب
console-event-user_locked = قُفل الحساب
console-event-user_unlocked = فُتح قفل الحساب
console-event-user_changed = تغيّر المعرّف الخارجي أو البيانات
console-event-role_changed = تغيّر الدور
console-event-password_changed = تغيّرت كلمة المرور
console-event-password_reset = عيّن شخص آخر كلمة المرور
console-event-password_upgraded = حُفظت كلمة المرور بصيغة أقوى
console-event-signed_in = تسجيل دخول
console-event-sign_in_failed = فشل تسجيل الدخول
console-event-reauthenticated = أُدخلت كلمة المرور مرة أخرى
console-event-reauthentication_failed = أُدخلت كلمة مرور خاطئة
console-event-session_ended = خروج جهاز
console-event-session_displaced = أفسح جهاز المكان لأحدث منه
console-event-sessions_ended = خروج أجهزة
console-event-session_end_refused = محاولة إخراج جهاز شخص آخر
console-event-session_changed = تغيّر اسم الجهاز أو بياناته
console-event-refresh_reused = عاد رمز تجديد أو ملف تعريف ارتباط قديم فأُخرج جهازه
console-event-refresh_refused = رُفض التجديد
console-event-client_authentication_failed = سر خاطئ لأحد التطبيقات
console-event-client_added = أُضيف تطبيق
console-event-client_changed = تغيّر تطبيق
console-event-client_removed = أُزيل تطبيق
console-event-revoked = إلغاء
console-event-key_added = أُضيف مفتاح
console-event-key_revoked = أُلغي مفتاح
console-event-epoch_begun = عاد المخزن إلى الوراء وبدأ عهد جديد
console-event-verifier_evicted = أُبعد مدقّق
console-event-set_up = إعداد أولي

# المخططات
chart-hour = الساعة الأخيرة
chart-day = اليوم الأخير
chart-hour-ago = قبل ساعة
chart-day-ago = قبل يوم
chart-sign-ins = تسجيلات الدخول
chart-refreshes = التجديدات
chart-tokens = رموز الوصول لدى هذا الخادم
chart-enforcement = الوقت حتى النفاذ
chart-signed-in = نجح: { $n }
chart-refreshed = جُدِّد: { $n }
chart-accepted = قُبل: { $n }
chart-refused = رُفض: { $n }
chart-median = النصف خلال { $ms } م.ث
chart-p99 = ‏99 من 100 خلال { $ms } م.ث
chart-table = على شكل جدول
