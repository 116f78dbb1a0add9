//! `User-Agent` headers: whatever one holds, the device has a name that can be shown.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rescind_domain::device::Device;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let device = Device::from_user_agent(&text);
    for shown in [Some(&device.name), device.browser.as_ref(), device.os.as_ref()].into_iter().flatten() {
        assert!(!shown.trim().is_empty() && shown.chars().count() <= 100, "{shown:?}");
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
    }
    assert_eq!(Device::from_user_agent(&text), device);
});
