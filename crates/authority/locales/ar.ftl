# Arabic. Numbers have six forms: zero, one, two, few, many, other.

# Everywhere
skip = تخطَّ إلى المحتوى
app-nav = الحساب
nav-devices = أجهزتك
nav-security = الأمان
nav-console = الإدارة
languages = اللغة
plain-http = وصلت هذه الصفحة عبر HTTP غير مشفَّر، وهذا مسموح به على هذا الجهاز فقط، للتجربة.
back = رجوع
cancel = إلغاء
save = حفظ

# Time
ago-now = الآن
ago-minutes = { $n ->
    [zero] الآن
    [one] قبل دقيقة واحدة
    [two] قبل دقيقتين
    [few] قبل { $n } دقائق
    [many] قبل { $n } دقيقة
   *[other] قبل { $n } دقيقة
}
ago-hours = { $n ->
    [zero] الآن
    [one] قبل ساعة واحدة
    [two] قبل ساعتين
    [few] قبل { $n } ساعات
    [many] قبل { $n } ساعة
   *[other] قبل { $n } ساعة
}
ago-days = { $n ->
    [zero] اليوم
    [one] قبل يوم واحد
    [two] قبل يومين
    [few] قبل { $n } أيام
    [many] قبل { $n } يومًا
   *[other] قبل { $n } يوم
}
span-seconds = { $n ->
    [zero] { $n } ثانية
    [one] ثانية واحدة
    [two] ثانيتين
    [few] { $n } ثوانٍ
    [many] { $n } ثانية
   *[other] { $n } ثانية
}
span-minutes = { $n ->
    [zero] { $n } دقيقة
    [one] دقيقة واحدة
    [two] دقيقتين
    [few] { $n } دقائق
    [many] { $n } دقيقة
   *[other] { $n } دقيقة
}
span-hours = { $n ->
    [zero] { $n } ساعة
    [one] ساعة واحدة
    [two] ساعتين
    [few] { $n } ساعات
    [many] { $n } ساعة
   *[other] { $n } ساعة
}
span-days = { $n ->
    [zero] { $n } يوم
    [one] يوم واحد
    [two] يومين
    [few] { $n } أيام
    [many] { $n } يومًا
   *[other] { $n } يوم
}

# Signing in, up and out
sign-in = تسجيل الدخول
sign-in-title = تسجيل الدخول
sign-in-instead = سجِّل الدخول بحساب لديك
login = اسم الدخول
login-invalid = لا يصلح هذا اسمًا للدخول. استخدم حروفًا وأرقامًا وعلامات، بلا مسافات.
password = كلمة المرور
stay-signed-in = أبقِ الدخول مسجَّلًا على هذا الجهاز
sign-up = أنشئ الحساب
sign-up-title = إنشاء حساب
sign-up-instead = أنشئ حسابًا
signed-in-as = مسجَّل الدخول باسم { $it }
sign-out = تسجيل الخروج
sign-out-title = تسجيل الخروج
sign-out-ask = هل تريد تسجيل الخروج من هذا الجهاز؟
signed-out = تم تسجيل خروجك.
signed-out-elsewhere = سُجِّل خروج هذا الجهاز.

# Setting up
setup-title = الإعداد
setup-intro = أنشئ حساب المدير الأول. الرابط صالح مرة واحدة.
setup-open-again = افتح من جديد الرابط الذي طبعه الخادم عند بدء تشغيله: ينقص العنوان آخره.
setup-go = أنشئ حساب المدير

# New passwords
password-rules = ثمانية أحرف على الأقل؛ بضع كلمات متتالية يسهل تذكُّرها. لا كلمة مرور يجرِّبها الجميع أولًا، ولا اسم دخولك.
password-too-short = قصيرة جدًّا: استخدم ثمانية أحرف على الأقل.
password-too-long = طويلة جدًّا: يكفي 256 حرفًا.
password-common = شائعة جدًّا: هي من أول ما يجرِّبه أي أحد. اختر غيرها.
password-same-as-login = مطابقة لاسم دخولك. اختر ما لا يمكن لأحد تخمينه منه.

# Your devices
devices-title = أجهزتك
devices-intro = هنا كل ما سُجِّل دخوله إلى حسابك. سجِّل خروج ما لا تعرفه.
devices-changed = تغيَّرت قائمة الأجهزة.
this-device = هذا الجهاز
other-devices = الأجهزة الأخرى
device-on = { $browser } على { $os }
device-named = { $it }
device-unknown = جهاز غير معروف
device-new = جديد
device-name = اسم الجهاز
rename = إعادة التسمية
device-sign-out = تسجيل خروج { $it }
software = المتصفح والنظام
last-active = آخر نشاط
signed-in-since = مسجَّل الدخول منذ
address = العنوان
application = التطبيق
others-further = إن كانت هناك أجهزة مسجَّلة الدخول فهي في صفحة تالية.
others-none = لا جهاز آخر مسجَّل الدخول.
show-more = عرض المزيد
back-to-first = العودة إلى بداية القائمة
several = عدة أجهزة دفعة واحدة
sign-out-others = تسجيل خروج كل الأجهزة الأخرى
sign-out-everywhere = تسجيل الخروج من كل مكان
others-count = { $n ->
    [zero] لن يُسجَّل خروج أي جهاز آخر.
    [one] سيُسجَّل خروج جهاز آخر واحد.
    [two] سيُسجَّل خروج جهازين آخرين.
    [few] سيُسجَّل خروج { $n } أجهزة أخرى.
    [many] سيُسجَّل خروج { $n } جهازًا آخر.
   *[other] سيُسجَّل خروج { $n } جهاز آخر.
}
others-many = سيُسجَّل خروج كل الأجهزة الأخرى، بما فيها ما في الصفحات التالية.
others-ask = ويبقى دخول هذا الجهاز مسجَّلًا.
everywhere-ask = سيُسجَّل خروج كل الأجهزة، وهذا الجهاز أيضًا.

# New sign-ins
new-sign-in = تسجيل دخول جديد: { $it }
new-from = من { $it }
that-was-me = كان هذا أنا
not-me = لست أنا: سجِّل خروجه وغيِّر كلمة مروري

# Security
security-title = الأمان
password-change = تغيير كلمة المرور
password-change-intro = سيُسجَّل خروج كل الأجهزة الأخرى، ويبقى دخول هذا الجهاز مسجَّلًا.
password-current = كلمة المرور الحالية
password-new = كلمة المرور الجديدة
events-title = ما حدث مؤخرًا
events-none = لا شيء بعد.
show-older = عرض الأقدم
by-administrator = بواسطة مدير
by-this-device = من هذا الجهاز
lock = قفل حسابي
lock-what = لو ظننت أن شخصًا آخر دخل حسابك. يُسجَّل خروج كل الأجهزة، ولا يستطيع أحد تسجيل الدخول لمدة { $it }، ولا أنت.
lock-ask = سيُسجَّل خروج هذا الجهاز أيضًا.
delete = حذف حسابي
delete-what = يُسجَّل خروج كل الأجهزة، ويزول الحساب إلى الأبد. لا يستطيع أحد استعادته.
delete-sure = أريد حذف حسابي نهائيًّا
delete-for-good = حذف نهائي

# What happened to an account
event-user-created = أُنشئ الحساب
event-user-imported = نُقل الحساب من نظام آخر
event-user-deleted = حُذف الحساب
event-user-locked = قُفل الحساب
event-user-unlocked = فُتح قفل الحساب
event-user-changed = غُيِّر المعرّف الخارجي للحساب أو بياناته
event-role-changed = تغيَّر دور الحساب
event-password-changed = غُيِّرت كلمة المرور
event-password-reset = أُعيد تعيين كلمة المرور
event-password-upgraded = حُفظت كلمة المرور بطريقة أكثر أمانًا
event-signed-in = سجَّل جهاز الدخول
event-sign-in-failed = فشل تسجيل دخول
event-reauthenticated = أُدخلت كلمة المرور من جديد
event-reauthentication-failed = أُدخلت كلمة المرور من جديد وكانت خاطئة
event-session-ended = سُجِّل خروج جهاز
event-session-displaced = سُجِّل خروج جهاز لإفساح المجال لجهاز أحدث
event-sessions-ended = سُجِّل خروج عدة أجهزة دفعة واحدة
event-session-end-refused = طُلب تسجيل خروج جهاز غير موجود
event-session-changed = غُيِّرت بيانات جهاز
event-refresh-reused = عاد مفتاح منسوخ أو قديم؛ فسُجِّل خروج جهازه
event-refresh-refused = رُفض جهاز
event-client-authentication-failed = قُدِّم سر خاطئ لأحد التطبيقات
event-client-added = أُضيف تطبيق
event-client-changed = غُيِّر تطبيق
event-client-removed = أُزيل تطبيق
event-revoked = أُلغيت صلاحية الوصول
event-key-added = أُضيف مفتاح
event-key-revoked = أُلغي مفتاح
event-epoch-begun = سُجِّل خروج الجميع بعد استعادة نسخة احتياطية
event-verifier-evicted = أُبعد مدقّق
event-set-up = أُنشئ حساب المدير الأول

# What went wrong
error-title = لم ينجح ذلك
wait-and-try = انتظر { $it } ثم حاول مرة أخرى.
wait-and-look = انتظر { $it } ثم تحقَّق.
problem-form-expired = انتهت صلاحية هذا النموذج. حاول مرة أخرى.
problem-foreign-form = لا يأتي هذا النموذج من إحدى صفحات هذا الموقع. افتح الصفحة هنا وحاول مرة أخرى.
problem-cookies-needed = وصل هذا النموذج دون ملف تعريف الارتباط الذي يخصّه. يحتاج تسجيل الدخول إلى ملفات تعريف الارتباط: اسمح بها لهذا الموقع ثم افتح الصفحة من جديد.
problem-doubled-cookie = وصل ملف تعريف الارتباط الذي يبقي دخولك مسجَّلًا مرتين، ولا يُعرف أيهما لك. احذف ملفات تعريف الارتباط لهذا الموقع من متصفحك ثم سجِّل الدخول من جديد.
problem-body-too-large = هذا كثير دفعة واحدة. لم يُنفَّذ شيء.
problem-unsupported-media-type = أُرسل النموذج بطريقة غير مفهومة. لم يُنفَّذ شيء. افتح الصفحة هنا وحاول مرة أخرى.
problem-request-too-slow = استغرق وصول النموذج وقتًا طويلًا. لم يُنفَّذ شيء. حاول مرة أخرى.
problem-uri-too-long = العنوان أطول مما ينبغي.
problem-head-too-large = أرسل المتصفح أكثر مما ينبغي دفعة واحدة. احذف ملفات تعريف الارتباط لهذا الموقع ثم حاول مرة أخرى.
problem-https-required = يحتاج هذا الموقع إلى HTTPS. أما عبر HTTP غير المشفَّر فلا يجيب إلا على الجهاز الذي يعمل عليه، باسم localhost أو 127.0.0.1، ودون خادم وسيط. يمكن لمن يشغِّله أن يعطيه عنوانًا يبدأ بـ https:// (الإعداد issuer).
problem-invalid-credentials = اسم الدخول أو كلمة المرور غير صحيح.
problem-wrong-password = كلمة المرور خاطئة. لم يتغيَّر شيء.
problem-account-locked = الحساب مقفل. اطلب من مدير فتح القفل.
problem-account-locked-until = الحساب مقفل حتى { $it }.
problem-sign-up-off = لا يمكن لأحد إنشاء حساب بنفسه هنا. اطلبه من مدير.
problem-set-up-refused = رُفض الرابط. هو صالح مرة واحدة ولمدة ساعة، وما دام لا يوجد مدير. أعد تشغيل الخادم للحصول على رابط جديد.
problem-login-taken = اسم الدخول هذا مستخدَم. اختر غيره.
problem-not-found = لا يوجد شيء كهذا هنا.
problem-no-such-path = لا توجد صفحة كهذه.
problem-method-not-allowed = لا تُبلغ هذه الصفحة إلا عبر نموذج. ارجع واستخدم النموذج هناك.
problem-invalid-request = تعذَّر فهم الطلب.
problem-forbidden = هذا غير مسموح به.
problem-last-administrator = هذا هو المدير الأخير، ويجب أن يبقى مديرًا وغير مقفل. أنشئ مديرًا آخر أولًا.
problem-too-many-sessions = حسابك مسجَّل الدخول على أكبر عدد مسموح به من الأجهزة. سجِّل خروج جهاز آخر أولًا.
problem-signed-out-meanwhile = سُجِّل خروج حسابك من كل مكان للتو. سجِّل الدخول من جديد.
problem-session-ended = سُجِّل خروج هذا الجهاز في الأثناء. لم يُنفَّذ شيء.
problem-throttled = محاولات فاشلة كثيرة.
problem-busy = الخادم مشغول الآن.
problem-cannot-tell = يتعذَّر الآن معرفة ما إذا كان دخولك مسجَّلًا.
problem-store-unavailable = هذا غير ممكن الآن، ولم يُنفَّذ شيء.
problem-unconfirmed = لا يُعرف هل نُفِّذ ذلك.
problem-timed-out = استغرق ذلك وقتًا طويلًا. لا يُعرف هل نُفِّذ.
problem-too-many-streams = صفحات كثيرة تنتظر التغييرات.
problem-not-ready = الخادم غير جاهز.
problem-internal = حدث خطأ داخل الخادم.

# Authenticating again
again-title = كلمة مرورك من فضلك
again-for-device = مضى وقت منذ أدخلتها. بعدها يُسجَّل خروج الجهاز.
again-for-others = مضى وقت منذ أدخلتها. بعدها يُسجَّل خروج كل الأجهزة الأخرى.
again-for-all = مضى وقت منذ أدخلتها. بعدها يُسجَّل خروج كل الأجهزة، وهذا الجهاز أيضًا.
again-for-lock = مضى وقت منذ أدخلتها. بعدها يُقفل الحساب.
again-go = متابعة

# What was done
notice-signed-out = تم تسجيل خروجك.
notice-signed-out-elsewhere = سُجِّل خروج هذا الجهاز. سجِّل الدخول من جديد للمتابعة.
notice-other-address = هذا الجهاز مسجَّل الدخول من عنوان آخر فقط. تابِع من هناك، أو سجِّل الدخول هنا من جديد.
notice-named = صار للجهاز اسمه الجديد.
notice-name-refused = للاسم مئة حرف على الأكثر، كلها ظاهرة. لم يتغيَّر شيء.
notice-device-gone = سُجِّل خروج ذلك الجهاز من قبل.
notice-known = شكرًا. لن تُسأل عنه هنا مرة أخرى.
notice-not-me = سُجِّل خروجه. ربما يعرف صاحبه كلمة مرورك، فغيِّرها الآن.
notice-password-changed = غُيِّرت كلمة المرور، وسُجِّل خروج كل الأجهزة الأخرى.
notice-locked = قُفل الحساب، وسُجِّل خروج كل الأجهزة.
notice-deleted = حُذف الحساب.
notice-account-made = أُنشئ حسابك.
notice-set-up = أُنشئ حساب المدير. هذا حسابك.
notice-done = تم.
notice-unread = تم. يتعذَّر الآن معرفة عدد الخدمات التي أكَّدت.
notice-enforced = تم. أكَّدت { $confirmed } من { $of } من الخدمات ({ $n } مللي ثانية).
notice-enforced-lapsed = تم. أكَّدت { $confirmed } من { $of } من الخدمات، { $lapsed ->
    [zero] ولا تقبل البقية شيئًا حتى تؤكِّد
    [one] والخدمة التي لم تؤكِّد لا تقبل شيئًا حتى تؤكِّد
    [two] والخدمتان اللتان لم تؤكِّدا لا تقبلان شيئًا حتى تؤكِّدا
    [few] والخدمات الأخرى وعددها { $lapsed } لا تقبل شيئًا حتى تؤكِّد
    [many] والخدمات الأخرى وعددها { $lapsed } لا تقبل شيئًا حتى تؤكِّد
   *[other] والخدمات الأخرى وعددها { $lapsed } لا تقبل شيئًا حتى تؤكِّد
} ({ $n } مللي ثانية).
notice-pending = تم. أكَّدت { $confirmed } من { $of } من الخدمات، وعلى البقية أن تؤكِّد خلال { $n ->
    [zero] لحظة.
    [one] ثانية واحدة.
    [two] ثانيتين.
    [few] { $n } ثوانٍ.
    [many] { $n } ثانية.
   *[other] { $n } ثانية.
}
notice-settling = تم. هذا مؤكَّد في كل مكان خلال { $n ->
    [zero] لحظة
    [one] ثانية واحدة
    [two] ثانيتين
    [few] { $n } ثوانٍ
    [many] { $n } ثانية
   *[other] { $n } ثانية
}: بدأ الخادم عمله قبل لحظات.
notice-settling-services = تم. أكَّدت { $confirmed } من { $of } من الخدمات. هذا مؤكَّد في كل مكان خلال { $n ->
    [zero] لحظة
    [one] ثانية واحدة
    [two] ثانيتين
    [few] { $n } ثوانٍ
    [many] { $n } ثانية
   *[other] { $n } ثانية
}: بدأ الخادم عمله قبل لحظات.
